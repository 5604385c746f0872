import type { Notice } from './notice.ts'
import { flat } from './service-now.ts'

const priorities: Record<Exclude<Notice['level'], 'clear'>, string> = {
  high: 'P1',
  medium: 'P3',
  low: 'P4',
  info: 'P5',
}

const longest = { message: 130, alias: 512, description: 15_000, detail: 1_000 }

/**
 * A request of the Integration Events API of Jira Service Management (`jsm/ops/integration/v2/alerts`): what follows that URL,
 * and the body. The other API of its alerts knows them by id only, and not by alias.
 */
export interface AlertRequest {
  path: string
  body: Record<string, unknown>
}

/** Opens an alert, or closes the one with the same alias. Opening it again counts it, and opens no second one. */
export function toJiraAlert(notice: Notice): AlertRequest {
  const alias = notice.key.slice(0, longest.alias)
  if (notice.level === 'clear') {
    const path = `/${encodeURIComponent(alias)}/close?identifierType=alias`
    return { path, body: { source: 'Portwarden', note: notice.message } }
  }
  const details = Object.entries({ event: notice.type, ...flat(notice.data) })
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
      details: Object.fromEntries(details.map(([key, value]) => [key, value.slice(0, longest.detail)])),
    },
  }
}
