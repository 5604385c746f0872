import type { Notice } from './alert.ts'

/** The severities of ServiceNow Event Management: 1 is critical, 4 a warning; 0 closes the alert of its key and makes none. */
const severities: Record<Notice['level'], string> = { clear: '0', high: '1', medium: '3', low: '4' }

const longest = { key: 1024, description: 4000 }

/** An event for the table `em_event`, in the form that the inbound connector of Event Management (`/api/global/em/jsonv2`) takes. */
export function toServiceNowEvents(notice: Notice): { records: Record<string, string>[] } {
  return {
    records: [
      {
        source: 'Portwarden',
        event_class: 'Portwarden',
        node: notice.node,
        type: notice.type.split('.')[0] ?? notice.type,
        resource: notice.resource,
        metric_name: notice.metric,
        message_key: notice.key.slice(0, longest.key),
        severity: severities[notice.level],
        resolution_state: notice.level === 'clear' ? 'Closing' : 'New',
        description: notice.message.slice(0, longest.description),
        time_of_event: notice.at.slice(0, 19).replace('T', ' '),
        additional_info: JSON.stringify({ event: notice.type, ...flat(notice.data) }),
      },
    ],
  }
}

/** Fields of fields by their path, as texts: what can be shown and written rules about. Lists of objects are left out. */
export function flat(value: object, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]: [string, unknown]): [string, string][] => {
      const name = prefix + key
      if (member === null || member === undefined || isListOfObjects(member)) return []
      if (typeof member === 'object' && !Array.isArray(member)) return Object.entries(flat(member, `${name}_`))
      return [[name, typeof member === 'string' ? member : JSON.stringify(member)]]
    }),
  )
}

const isListOfObjects = (value: unknown) => Array.isArray(value) && typeof value[0] === 'object'
