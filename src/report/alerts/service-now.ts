import { truncate } from '../../encoding/text.ts'
import type { Alert } from './alert.ts'
import { detailsOf, textOf } from './details.ts'

/** ServiceNow severities: 1 critical, 3 minor, 4 warning, 0 clear. */
const severities: Record<Alert['level'], string> = { clear: '0', high: '1', medium: '3', low: '4' }

/** Of the columns of `em_event`; the instance cuts or refuses longer values. */
const maxLength = { name: 100, key: 1024, description: 4000, detail: 1000, info: 4000 }

const quotedSize = (text: string) => JSON.stringify(text).length
const info = {
  value: maxLength.detail,
  total: maxLength.info - '}'.length,
  sizeOf: (key: string, value: string) => quotedSize(key) + quotedSize(value) + '{:'.length,
}

/** Events for the inbound connector of Event Management (`/api/global/em/jsonv2`). */
export function toServiceNowEvents(alert: Alert): { records: Record<string, string>[] } {
  return {
    records: [
      {
        source: 'Portwarden',
        event_class: 'Portwarden',
        node: truncate(alert.node, maxLength.name),
        type: truncate(alert.type.split('.')[0] ?? alert.type, maxLength.name),
        resource: truncate(alert.resource, maxLength.name),
        metric_name: truncate(alert.metric, maxLength.name),
        message_key: truncate(alert.key, maxLength.key),
        severity: severities[alert.level],
        resolution_state: alert.level === 'clear' ? 'Closing' : 'New',
        description: textOf(alert, maxLength.description),
        time_of_event: alert.at.slice(0, 19).replace('T', ' '),
        additional_info: JSON.stringify(detailsOf(alert, info)),
      },
    ],
  }
}
