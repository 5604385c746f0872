import type { FastifyBaseLogger } from 'fastify'
import type { Limits } from '../domain/access/limits.ts'
import type { Need } from '../domain/access/scopes.ts'
import type { SignInRules, TokenRules } from '../domain/access/tokens.ts'
import type { TraceFailure } from '../domain/traces/trace.ts'
import type { SignInLinks } from '../operations/access/sign-in-links.ts'
import type { SessionTimes } from '../operations/access/start-session.ts'
import type { CheckRunner } from '../operations/audits/run-checks.ts'
import type { Parts, View } from '../operations/context.ts'
import type { DiscoveryDesk } from '../operations/learning/leases.ts'
import type { Scheduler } from '../operations/schedules/tick.ts'
import type { TraceDesk } from '../operations/traces/leases.ts'
import type { LeaseDesk } from '../operations/vantages/leases.ts'
import type { Seal } from '../operations/webhooks/seal.ts'
import type { PageUrls } from '../report/page-urls.ts'
import type { Caller } from '../store/access/keys.ts'
import type { Session } from '../store/access/sessions.ts'
import type { Notifications } from '../store/db/listen.ts'
import type { ListenerSettings } from './http/listener.ts'

export type { View }

/** Traces one request; the returned function ends its span. */
export interface RequestTracing {
  request(
    method: string,
    traceparent: string | undefined,
  ): (response: { operation: string; route: string | undefined; status: number; auditId?: string | undefined }) => void
}

/** What the HTTP service is built from. Routes receive single parts; they reach the stores through `request.view` alone. */
export interface ServerParts extends Omit<Parts, keyof View> {
  /** The view of everything on the replica, while that is current. */
  replicaView?: (() => Promise<View | undefined>) | undefined
  scheduler: Pick<Scheduler, 'check' | 'next' | 'now' | 'preview' | 'settle'>
  notifications: Pick<Notifications, 'waitForEnd' | 'events'>
  listening: ListenerSettings & { limits: Limits }
  metrics: {
    contentType: string
    render(): Promise<string>
    /** Counts a response; `operation` is an operationId, or `none`. */
    responded(operation: string, status: number, tookMs: number): void
    /** The number of open connections. */
    connected(open: number): void
    /** Counts what a quota refused. */
    refused(quota: string): void
  }
  /** Undefined when tracing is off. */
  tracing?: RequestTracing | undefined
  /** The prober of a vantage that this process serves, by default the first; throws when there is none. */
  proberFor(vantage?: string): CheckRunner
  /** How long an audit waits for a vantage that was absent before it began. */
  vantageWaitMs: number
  /** The longest duration of a single probe. */
  probeTimeoutMs: number
  /** Excludes an endpoint of this service from every probe. */
  neverDial(endpoint: { address: string; port: number }): void
  /** Returns warnings; throws NotReadyError while the service cannot work. */
  checkReady(): Promise<string[]>
  leases: LeaseDesk
  traceLeases: TraceDesk
  discoveryLeases: DiscoveryDesk
  /** Why a vantage of this process would not trace an endpoint. */
  refuseTrace(vantage: string, endpoint: { host: string; port: number }): TraceFailure | undefined
  /** Encrypts the secrets of webhooks. */
  seal: Seal
  /** Whether webhooks may reach the host; does not resolve names. */
  mayDial(host: string, port: number): boolean
  /** Whether webhooks may use plain HTTP to other machines. */
  plainHttp: boolean
  /** The issuer whose tokens are accepted beside keys. */
  tokens?: TokenRules | undefined
  /** The pages for people; undefined: none. */
  console?: ({ directory: string } & SessionTimes) | undefined
  /** How people sign in at the issuer; undefined: they do not. */
  signIn?: SignInRules | undefined
  signInLinks: SignInLinks
  /** Opens everything to the command in whose process the service runs; undefined: it is a service for others. */
  commandKey?: string | undefined
  pages: PageUrls
  /** The directory for bodies that do not fit in memory. */
  spoolDir: string
  version: string
  log: FastifyBaseLogger
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The authenticated caller; set on every route under /v1. */
    caller: Caller
    /** The session, where a cookie names the caller. */
    session?: Session
    /** The only stores that this caller may use. */
    view: View
    /** Whether the credentials are still valid; used by long-lived responses. */
    isStillValid(): Promise<boolean>
  }
  interface FastifyContextConfig {
    /** The required scope; a route under /v1 must have one. */
    scope?: Need
    /** Whether keys that are limited by labels may call it. */
    limited?: true
    /** Whether it reads much, so that a replica may serve it. */
    replica?: true
    /** Whether a session needs a sign-in of the last 15 minutes. */
    recentSignIn?: true
    /** Whether pages call it by themselves, so that it does not keep a session alive. */
    background?: true
    /** Whether the operation itself rejects text with control characters. */
    acceptsAnyText?: true
  }
}
