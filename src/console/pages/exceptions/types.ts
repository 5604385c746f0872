import type { Static } from 'typebox'
import type { ExceptionEffect } from '../../../api/routes/exceptions/effect-schemas.ts'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'
import { textOf } from '../../../domain/targets.ts'

export type Window = Static<typeof WindowSchema>
export type Waiver = Static<typeof WaiverSchema>
export type Effect = Static<typeof ExceptionEffect>
export type Kind = 'window' | 'waiver'

/** The words of a person for the states. */
export const stateNames: Readonly<Record<Window['state'] | Waiver['state'], string>> = {
  requested: 'Waits for approval',
  lapsed: 'Lapsed',
  rejected: 'Rejected',
  canceled: 'Canceled',
  approved: 'Approved',
  open: 'Open now',
  ended: 'Not proven closed',
  'still-open': 'Still open',
  closed: 'Proven closed',
  active: 'In force',
  expired: 'Expired',
  revoked: 'Revoked',
}

/** The targets in words: names and external ids, or the labels that they have. */
export const targetsText = (targets: Window['targets']): string =>
  Array.isArray(targets)
    ? targets.map(textOf).join(', ')
    : `all with ${Object.entries(targets.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', ')}`
