import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from '../../domain/access/limits.ts'
import { NotReadyError, QuotaError } from '../../domain/errors.ts'
import type { Connections } from './connections.ts'
import { createShares, type Exhausted } from './shares.ts'

/** What a key holds while something of it is under way. */
export interface Quotas {
  /** Starts a request; the result ends it. Throws QuotaError. */
  startRequest(request: FastifyRequest, reply: FastifyReply): void
  /** Starts an import. Throws QuotaError, or NotReadyError where others have all. */
  startImport(keyId: string): ImportShare
  /** Counts a streamed response until it ends. Throws QuotaError. */
  startStream(keyId: string, stream: Readable): void
}

export interface ImportShare {
  /** Counts spooled bytes. Throws QuotaError, or NotReadyError where others have all. */
  spool(bytes: number): void
  end(): void
}

/** Counts a refusal by the quota that was exhausted. */
export type NoteRefusal = (quota: 'connections' | 'imports' | 'spool' | 'streams') => void

const soonSeconds = 1
/** An import takes seconds. */
const importRetrySeconds = 10

const mib = (bytes: number) => `${bytes / 2 ** 20} MiB`

/** Bounds what each key holds at one time in this process, so that no key takes what others need. */
export function createQuotas(limits: Limits, connections: Connections, noteRefusal: NoteRefusal): Quotas {
  const requests = createShares({ perOwner: limits.connectionsPerKey, inAll: Number.POSITIVE_INFINITY })
  const streams = createShares({ perOwner: limits.streamsPerKey, inAll: Number.POSITIVE_INFINITY })
  const imports = createShares({ perOwner: limits.importsPerKey, inAll: limits.imports })
  const spooled = createShares({ perOwner: limits.spoolBytesPerKey, inAll: limits.spoolBytes })

  return {
    startRequest({ raw, caller: { keyId } }, reply) {
      if (raw.socket.destroyed) return // has closed during authentication: nothing would end its share
      if (requests.take(keyId)) {
        noteRefusal('connections')
        throw new QuotaError(`${limits.connectionsPerKey} requests of this key are under way`, soonSeconds)
      }
      const release = connections.claim(raw.socket, keyId)
      // Sheds connections that the key keeps open beyond its share.
      if (connections.countOf(keyId) > limits.connectionsPerKey) reply.header('connection', 'close')
      let isOver = false
      const end = () => {
        if (isOver) return
        isOver = true
        requests.give(keyId)
        release()
      }
      reply.raw.once('finish', end).once('close', end)
    },

    startImport(keyId) {
      const full = imports.take(keyId)
      if (full) {
        noteRefusal('imports')
        const whose = full === 'owner' ? `${limits.importsPerKey} imports of this key` : `${limits.imports} imports`
        throw exhausted(full, `${whose} are under way`)
      }
      let bytesOfThis = 0
      return {
        spool(bytes) {
          const full = spooled.take(keyId, bytes)
          if (!full) {
            bytesOfThis += bytes
            return
          }
          noteRefusal('spool')
          const owner = `the imports of this key would store more than ${mib(limits.spoolBytesPerKey)} until they end`
          const all = `all imports would store more than ${mib(limits.spoolBytes)} until they end`
          throw exhausted(full, `${full === 'owner' ? owner : all}: send smaller documents one after the other`)
        },
        end() {
          imports.give(keyId)
          if (bytesOfThis > 0) spooled.give(keyId, bytesOfThis)
        },
      }
    },

    startStream(keyId, stream) {
      if (streams.take(keyId)) {
        noteRefusal('streams')
        const what = 'event streams and exports of this key are under way'
        throw new QuotaError(`${limits.streamsPerKey} ${what}`, importRetrySeconds)
      }
      stream.once('close', () => streams.give(keyId))
    },
  }
}

const exhausted = (full: Exhausted, message: string) =>
  full === 'owner' ? new QuotaError(message, importRetrySeconds) : new NotReadyError(message)

/** Counts every streamed response of `app` against the key that requested it. */
export function limitStreams(app: FastifyInstance, quotas: Quotas): void {
  app.addHook('onSend', ({ caller }, _reply, payload, done) => {
    if (!(payload instanceof Readable) || !caller) return done(null, payload)
    try {
      quotas.startStream(caller.keyId, payload)
      done(null, payload)
    } catch (error) {
      payload.destroy()
      done(error as Error)
    }
  })
}
