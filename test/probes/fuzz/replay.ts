import net from 'node:net'
import { listen } from '../../support/listen.ts'
import { asPeer, type Peer } from '../../support/peers/peer.ts'
import { mutate } from './mutate.ts'
import { below, type Random } from './random.ts'

interface At {
  host: string
  port: number
}

/** A server whose responses are changed by chance, or, without `random`, are those of the real one. */
export interface MutatedServer extends Peer, At {
  /** For the connections from now on. */
  use(random: Random | undefined): void
}

/** After which time a connection ends that waits for the other side, which mutated bytes may have misled. */
const idleMs = 40

/** Responses of a server in one connection; the first is its greeting, empty if the client begins. */
export type Recorded = Buffer[]

/** What the server sends while a client (a probe, say) talks to it once. */
export async function record(server: At, talk: (at: At) => Promise<unknown>): Promise<Recorded> {
  const connections: Recorded[] = []
  const relay = net.createServer((client) => {
    const responses: Recorded = [Buffer.alloc(0)]
    connections.push(responses)
    const upstream = net.connect(server.port, server.host)
    client.on('data', (bytes) => {
      responses.push(Buffer.alloc(0))
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      responses.push(Buffer.concat([responses.pop() ?? bytes, bytes]))
      client.write(bytes)
    })
    join(client, upstream)
  })
  const { host, port, close } = await listen(relay)
  await talk({ host, port })
  await close()
  const [longest = []] = connections.sort((one, other) => sizeOf(other) - sizeOf(one))
  if (sizeOf(longest) === 0) throw new Error('the server sent nothing')
  return longest
}

const sizeOf = (responses: Recorded): number => responses.reduce((sum, { length }) => sum + length, 0)

/** Sends recorded responses, one for each message of the client, then ends the connection. */
export async function startReplay(recorded: Recorded): Promise<MutatedServer> {
  let random: Random | undefined
  const use = (next: Random | undefined) => {
    random = next
  }
  const server = net.createServer((client) => {
    const left = random ? mutateOne(recorded, random) : [...recorded]
    const respond = () => {
      const next = left.shift()
      if (next && next.length > 0) client.write(next)
      if (left.length === 0) client.end()
    }
    client.on('error', () => {}).on('timeout', () => client.end())
    client.on('data', () => {
      client.setTimeout(idleMs) // not before: in a pause of this process a request could end without a response
      respond()
    })
    if (left[0]?.length) client.setTimeout(idleMs)
    respond()
  })
  const { host, port, close } = await listen(server)
  return asPeer({ host, port, use }, close)
}

function mutateOne(recorded: Recorded, random: Random): Recorded {
  const filled = recorded.flatMap(({ length }, index) => (length > 0 ? [index] : []))
  const chosen = filled[below(filled.length, random)]
  return recorded.map((bytes, index) => (index === chosen ? mutate(bytes, random) : bytes))
}

/** Passes connections on to a live server, and changes one part of what it sends: for protocols with fresh secrets. */
export async function startMutatingRelay(upstream: At): Promise<MutatedServer> {
  let random: Random | undefined
  const use = (next: Random | undefined) => {
    random = next
  }
  const relay = net.createServer((client) => {
    const chance = random
    let left = chance ? below(4, chance) : -1
    const server = net.connect(upstream.port, upstream.host)
    client.on('data', (bytes) => server.write(bytes))
    server.on('data', (bytes) => client.write(left-- === 0 && chance ? mutate(bytes, chance) : bytes))
    client.setTimeout(idleMs * 5, () => client.destroy())
    join(client, server)
  })
  const { host, port, close } = await listen(relay)
  return asPeer({ host, port, use }, close)
}

function join(one: net.Socket, other: net.Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('end', () => to.end())
    from.on('close', () => to.destroy())
  }
}
