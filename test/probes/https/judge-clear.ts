import { type Judgement, judge } from '../../../src/domain/findings/judge.ts'
import { probeHttps } from '../../../src/probes/https/probe.ts'
import { observation, ruleThat } from '../../domain/findings/rules.ts'
import type { Step } from '../../support/peers/hostile.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'

export interface At {
  port: number
}

/** What the rule of the built-in policy makes of the port. */
export async function judgeClear({ port }: At, { host = '127.0.0.1', deadlineMs = 5_000 } = {}) {
  const io = probeIo({ deadlineMs })
  const { state, reason, facts } = await probeHttps({ host, address: '127.0.0.1', port }, { plainHttp: true }, io)
  const rule = { ...ruleThat({ http: { plainServed: false } }), probe: 'https' as const }
  const { result, reason: why }: Judgement = judge(rule, observation({ state, reason, facts }), { windowOpen: false })
  return { verdict: `${result} ${why}`, plainHttp: facts.plainHttp, facts }
}

/** What curl prints of a port; no certificate is verified. */
export const curl = (...args: string[]) => run('curl', ['--silent', '--max-time', '5', '--insecure', ...args])

/** Whether curl takes what the port sends in clear for a response. */
export async function curlTakes({ port }: At, ...args: string[]): Promise<boolean> {
  const { code, stdout } = await curl('--include', ...args, `http://127.0.0.1:${port}/`)
  return code !== 7 && stdout !== ''
}

/** Up to the end of a short request. */
export const request: Step = { receive: 16 }

export function redirects(location: string, status = 301): Step[] {
  return [request, { send: `HTTP/1.1 ${status} x\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n` }]
}

export const at = ({ port }: At, host: string) => `http://${host}:${port}/`
