import pg from 'pg'
import { isResponsive, WatchedClient } from './watched-client.ts'

type Done = (release?: Error | boolean) => void
type Callback = (error: Error | undefined, client: pg.PoolClient | undefined, done: Done) => void

/** An idle connection is checked when it was not used for so long. */
const checkAfterMs = 1_000
const responseTimeoutMs = 5_000

/** A pool that hands out connections whose server responds. */
export class CheckedPool extends pg.Pool {
  #idleSince = new WeakMap<pg.PoolClient, number>()
  /** Connections that were idle at this time belong to a server that is gone. */
  #distrustedAt = Number.NEGATIVE_INFINITY

  constructor(config: pg.PoolConfig) {
    super({ ...config, Client: WatchedClient })
    this.on('release', (_error: Error, client: pg.PoolClient) => void this.#idleSince.set(client, performance.now()))
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    const checked = this.#connectChecked()
    if (!callback) return checked
    checked.then(
      (client) => callback(undefined, client, client.release),
      (error) => callback(error, undefined, () => {}),
    )
    return undefined
  }

  async #connectChecked(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect()
      if (await this.#isUsable(client)) return client
      client.release(true)
    }
  }

  async #isUsable(client: pg.PoolClient): Promise<boolean> {
    const idleSince = this.#idleSince.get(client) ?? performance.now()
    if (idleSince <= this.#distrustedAt) return false
    if (performance.now() - idleSince < checkAfterMs) return true
    const usable = await isResponsive(client, responseTimeoutMs)
    if (!usable) this.#distrustedAt = performance.now()
    return usable
  }
}
