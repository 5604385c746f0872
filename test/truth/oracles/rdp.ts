import type { Oracle } from '../row.ts'
import { output, yesOrNo } from './response.ts'

/** The security protocols that a server accepts, as nmap lists them; yes if all of these are there and none of those. */
export const nmapSecurity = (wanted: readonly string[], unwanted: readonly string[]): Oracle => ({
  name: 'nmap rdp-enum-encryption',
  needs: ['nmap'],
  ask: async ({ address, port }) => {
    const args = ['-Pn', '-n', '-p', String(port), '--script', '+rdp-enum-encryption', address]
    const { text } = await output('nmap', args)
    const accepted = [...text.matchAll(/^\|_? +(.+): SUCCESS$/gm)].map(([, name = '']) => name)
    const yes = wanted.every((name) => accepted.includes(name)) && !unwanted.some((name) => accepted.includes(name))
    return yesOrNo(yes, accepted.join(', ') || 'nothing')
  },
})
