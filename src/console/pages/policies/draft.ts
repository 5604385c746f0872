import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { getVersioned } from '../../api/client.ts'
import { uri } from '../../url/parameters.ts'

type Policy = Static<typeof PolicySchema>

/** The version that a draft began with, as text. */
export interface Base {
  text: string
  etag: string
  version: number
  author: string | null
  note: string | null
}

/** What a person writes; `base` is undefined for a new policy. */
export interface Draft {
  text: string
  note: string
  base: Base | undefined
}

/** Drafts of this visit by the name of their policy: to leave the page loses nothing. */
export const drafts = new Map<string, Draft>()

/** The newest version as text. */
export async function readBase(name: string): Promise<Base> {
  const { value, etag } = await getVersioned<Policy>(uri`/v1/policies/${name}`)
  const { source = '', version, author, authorName, note } = value
  return { text: source, etag, version, author: authorName ?? author, note }
}

/** Name of the policy that a text begins with; undefined where it has none. */
export const nameIn = (text: string): string | undefined =>
  /^\s*"?name"?\s*:\s*["']?([a-z0-9][a-z0-9._-]*)/m.exec(text)?.[1]

/** What a new policy begins with. */
export const template = `# The name stays; a change makes a new version.
name: my-policy
title: My policy
parameters:
  httpsPort: { type: port, default: 443, description: HTTPS }
rules:
  - id: https-open
    title: HTTPS is reachable
    severity: medium
    direction: inbound
    from: [client]          # zones; GET /v1/vantages lists who is in them
    probe: tcp
    port: \${httpsPort}
    expect: { state: [open] }
    rationale: Clients need it.
    remediation: Allow the port from the client networks.
`
