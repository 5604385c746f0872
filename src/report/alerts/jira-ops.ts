import type { Notice } from './alert.ts'
import { flat } from './service-now.ts'

const priorities: Record<Exclude<Notice['level'], 'clear'>, string> = { high: 'P1', medium: 'P3', low: 'P4' }

const longest = { message: 130, alias: 512, description: 15_000, detail: 1_000, details: 8_000 }

/**
 * A request of the Integration Events API of Jira Service Management (`jsm/ops/integration/v2/alerts`): what follows that URL,
 * and the body. The other API of its alerts knows them by id only, and not by alias.
 */
interface AlertRequest {
  path: string
  body: Record<string, unknown>
}

/**
 * Opens an alert, or closes the one with the same alias, if there is one. Opening it again counts it, and opens no second one.
 */
export function toJiraAlert(notice: Notice): AlertRequest {
  const alias = notice.key.slice(0, longest.alias)
  if (notice.level === 'clear') {
    const path = `/${encodeURIComponent(alias)}/close?identifierType=alias`
    return { path, body: { source: 'Portwarden', note: notice.message } }
  }
  return {
    path: '',
    body: {
      message: notice.message.slice(0, longest.message),
      alias,
      description: notice.message.slice(0, longest.description),
      priority: priorities[notice.level],
      source: 'Portwarden',
      entity: notice.node,
      tags: ['portwarden', notice.type.split('.')[0]],
      details: detailsOf({ event: notice.type, ...flat(notice.data) }),
    },
  }
}

/** As many as fit; labels, of which there may be very many, after all else. */
function detailsOf(all: Record<string, string>): Record<string, string> {
  const isLabel = (key: string) => key.startsWith('finding_labels_')
  const entries = Object.entries(all).sort(([a], [b]) => Number(isLabel(a)) - Number(isLabel(b)))
  let room = longest.details
  const fitting = entries.flatMap(([key, value]) => {
    const entry = [key, value.slice(0, longest.detail)] as const
    const size = entry.join('').length
    if (size > room) return []
    room -= size
    return [entry]
  })
  return Object.fromEntries(fitting)
}
