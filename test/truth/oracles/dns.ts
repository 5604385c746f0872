import type { Oracle } from '../row.ts'
import { firstIn, output, yesOrNo } from './response.ts'

const dig = (
  name: string,
  needs: Oracle['needs'],
  judge: (ask: (...query: string[]) => Promise<string>) => ReturnType<Oracle['ask']>,
): Oracle => ({
  name,
  needs,
  ask: ({ address, port }) =>
    judge(async (...query) => (await output('dig', ['+tries=1', '-p', `${port}`, `@${address}`, ...query])).text),
})

/** Whether dig gets the SOA of a zone from an authority. */
export const digAuthority = (zone: string): Oracle =>
  dig('dig SOA', ['named'], async (ask) => {
    const text = await ask('+norecurse', '+tcp', zone, 'SOA')
    const flags = firstIn(text, /;; flags: ([^;]*);/) ?? ''
    const isServed = /\baa\b/.test(flags) && /\sSOA\s.*\d/.test(text)
    return yesOrNo(isServed, `${firstIn(text, /status: (\w+)/) ?? 'no response'}, flags ${flags}`)
  })

/** Whether dig gets an SRV record of each name. */
export const digServices = (...names: string[]): Oracle =>
  dig('dig SRV', ['named'], async (ask) => {
    const found = await Promise.all(names.map((name) => ask('+short', '+tcp', name, 'SRV')))
    const isFound = found.map((text) => /^\d+ \d+ \d+ \S+$/m.test(text))
    return yesOrNo(
      !isFound.includes(false),
      names.map((name, at) => `${name} ${isFound[at] ? 'found' : 'missing'}`).join(),
    )
  })

/** Whether dig gets no zone. */
export const digNoTransfer = (zone: string): Oracle =>
  dig('dig AXFR', ['named'], async (ask) => {
    const text = await ask(zone, 'AXFR')
    return yesOrNo(!text.includes('XFR size'), firstIn(text, /;; XFR size: .*|; Transfer failed/) ?? 'no transfer')
  })

/** Whether nmap's script finds no recursion. */
export const nmapNoRecursion: Oracle = {
  name: 'nmap dns-recursion',
  needs: ['nmap'],
  ask: async ({ address, port }) => {
    const { text } = await output('nmap', ['-n', '-Pn', '-sU', `-p${port}`, '--script', '+dns-recursion', address])
    const found = firstIn(text, /dns-recursion: (.*)/)
    return yesOrNo(found === undefined, found ?? 'no recursion')
  },
}
