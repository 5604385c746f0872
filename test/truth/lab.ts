import type { Judgement } from '../../src/domain/findings/judge.ts'
import { reasons } from '../../src/domain/findings/reasons.ts'
import { openConnector } from '../../src/probes/network/connector/open.ts'
import { asPeer, type Peer } from '../support/peers/peer.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import { type PeerName, starters } from './peers/index.ts'
import type { Running } from './peers/running.ts'
import type { Listener, OracleResponse, Row } from './row.ts'
import { observerFor, verdictOn } from './verdict.ts'

/** What oracle and Portwarden say to a row. */
export interface Outcome {
  row: Row
  oracle: OracleResponse
  portwarden: Judgement
  agrees: boolean
}

export interface Lab extends Peer {
  establish: (row: Row) => Promise<Outcome>
}

/** Rows at a time; more would only wait for the processors. */
const concurrency = 4

/** Starts each peer once, for all rows that use it, when the first of them is established. */
export async function openLab(rows: readonly Row[]): Promise<Lab> {
  const certificates = await makeCertificates()
  const connector = await openConnector({ kind: 'auto', attempts: 64, log: (reason) => process.stderr.write(reason) })
  const listeners = new Map<string, Listener>()
  const observe = observerFor(connector, () => [...listeners.values()])
  const startOnce = createStarter(rows, certificates)
  const inTurn = createTurns(concurrency)
  const establish = async (row: Row): Promise<Outcome> => {
    const peer = await startOnce(row.peer)
    const found = peer.at(row.site)
    const listener = { ...found, host: row.host ?? found.host }
    listeners.set(`${row.peer} ${row.site} ${listener.host}`, listener)
    // A server such as s_server serves one connection at a time.
    return inTurn(`${listener.address}:${listener.port}`, async () => {
      const oracle = await row.oracle.ask(listener)
      const portwarden = await verdictOn(row.claim, listener, observe)
      return { row, oracle, portwarden, agrees: agree(row, oracle, portwarden) }
    })
  }
  return asPeer({ establish }, startOnce.stop, () => connector.close())
}

function createStarter(rows: readonly Row[], certificates: Certificates) {
  const started = new Map<PeerName, Promise<Running>>()
  const start = (name: PeerName) => {
    const sites = [...new Set(rows.filter(({ peer }) => peer === name).map(({ site }) => site))]
    const peer = started.get(name) ?? starters[name].start(sites, certificates)
    started.set(name, peer)
    return peer
  }
  const stop = async () => {
    for (const peer of await Promise.allSettled(started.values()))
      if (peer.status === 'fulfilled') await peer.value.stop()
  }
  return Object.assign(start, { stop })
}

/** Runs work for one key one after the other, and at most so many at a time. */
function createTurns(limit: number) {
  const last = new Map<string, Promise<unknown>>()
  const waiting: (() => void)[] = []
  let running = 0
  const enter = async () => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
  }
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
  return <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(key)
    const result = (async () => {
      await before?.catch(() => {}) // its own caller receives the failure
      await enter()
      try {
        return await work()
      } finally {
        leave()
      }
    })()
    last.set(key, result)
    return result
  }
}

const agree = (row: Row, oracle: OracleResponse, portwarden: Judgement) =>
  oracle.verdict === row.verdict &&
  portwarden.result === row.verdict &&
  (row.reason === undefined || portwarden.reason === row.reason)

/** Both responses in words. */
export const explain = ({ row, oracle, portwarden }: Outcome) =>
  [
    `${row.peer}, ${row.site}: ${row.case}`,
    `right: ${row.verdict}${row.reason ? ` (${row.reason})` : ''}`,
    `${row.oracle.name}: ${oracle.verdict} (${oracle.text})`,
    `Portwarden: ${portwarden.result} (${portwarden.reason}: ${reasons[portwarden.reason].message})`,
  ].join('\n')
