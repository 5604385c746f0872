import { kinit } from '../../support/peers/mit-kdc.ts'
import type { Oracle } from '../row.ts'
import { firstIn, yesOrNo } from './response.ts'

const oracle = (client: string, of: string, isYes: (text: string) => boolean): Oracle => ({
  name: 'kinit',
  needs: ['mit-kdc'],
  ask: async ({ address, port }) => {
    const text = await kinit({ host: address, port }, client, of)
    return yesOrNo(isYes(text), firstIn(text, /kinit: .*|Password for .*/) ?? 'nothing')
  },
})

/** Whether kinit hears of a KDC that its client is unknown. */
export const kinitResponds = oracle('unknown', 'LAB.TEST', (text) => text.includes('not found in Kerberos database'))

/** Whether kinit gets a ticket for the ticket-granting service as the client; it has no key to read it. */
export const kinitServes = (realm: string): Oracle =>
  oracle(`krbtgt/${realm}`, realm, (text) => text.includes('Password for'))
