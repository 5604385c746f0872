import { truncate } from '../../encoding/text.ts'
import type { Alert } from './alert.ts'
import { detailsOf, textOf } from './details.ts'

const priorities: Record<Exclude<Alert['level'], 'clear'>, string> = { high: 'P1', medium: 'P3', low: 'P4' }

/** Of the API; the note is that of the user interface. */
const maxLength = {
  message: 130,
  alias: 512,
  entity: 512,
  note: 25_000,
  description: 15_000,
}
const details = { value: 1_000, total: 8_000, sizeOf: (key: string, value: string) => key.length + value.length }

/**
 * A request to the Integration Events API of Jira Service Management (`jsm/ops/integration/v2/alerts`), which accepts
 * aliases. `path` is relative to that URL.
 */
interface AlertRequest {
  path: string
  body: Record<string, unknown>
}

/** Opens or closes the alert with this alias; Jira deduplicates open ones. */
export function toJiraAlert(alert: Alert): AlertRequest {
  const alias = truncate(alert.key, maxLength.alias)
  if (alert.level === 'clear') {
    const path = `/${encodeURIComponent(alias)}/close?identifierType=alias`
    return { path, body: { source: 'Portwarden', note: textOf(alert, maxLength.note) } }
  }
  return {
    path: '',
    body: {
      message: truncate(alert.message, maxLength.message),
      alias,
      description: textOf(alert, maxLength.description),
      priority: priorities[alert.level],
      source: 'Portwarden',
      entity: truncate(alert.node, maxLength.entity),
      tags: ['portwarden', alert.type.split('.')[0]],
      details: detailsOf(alert, details),
    },
  }
}
