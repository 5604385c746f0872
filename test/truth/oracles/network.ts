import type { State } from '../../../src/domain/findings/state.ts'
import type { Listener, Oracle } from '../row.ts'
import { firstIn, output, yesOrNo } from './response.ts'

/** The state of the port by connect() of nmap; yes if it is one of these. */
export const nmapState = (...allowed: readonly State[]): Oracle => ({
  name: 'nmap -sT',
  needs: ['nmap'],
  ask: async (listener) => {
    const { state, why, text } = await scan(listener)
    return yesOrNo(
      (allowed as readonly string[]).includes(state),
      state ? `${state}, ${why}` : (firstIn(text, /\S.*/) ?? ''),
    )
  },
})

/** The same where the host is absent or nothing of it is known: no state of the port follows. */
export const nmapHostDown: Oracle = {
  name: 'nmap -sn',
  needs: ['nmap'],
  ask: async ({ address, run = output }) => {
    const { text } = await run('nmap', ['-n', '-sn', '-PS22,443', '--max-retries', '1', address])
    return {
      text: firstIn(text, /Host seems down|Host is up.*/) ?? 'nothing',
      verdict: /Host is up/.test(text) ? 'fail' : 'unknown',
    }
  },
}

async function scan({ address, port, run = output }: Listener) {
  const args = [
    '-n',
    '-Pn',
    '-sT',
    '--reason',
    '--max-retries',
    '1',
    '--host-timeout',
    '60s',
    '-p',
    String(port),
    address,
  ]
  const { text } = await run('nmap', args)
  const [, state = '', why = ''] = /^\d+\/tcp +(\w+) +\S+ +(.+)$/m.exec(text) ?? []
  return { state, why, text }
}
