import type { BindClaim, BindDecision, BindResult } from '../../domain/vantages/binds.ts'

/** Coordinates the binds of an account, of all vantages and audits; for the checks of one batch. */
export interface Binds {
  /** The key of the digests of accounts and credentials. */
  salt: string
  /** Asks for permission to bind once. Rejects where the service does not respond. */
  claim(claim: BindClaim): Promise<BindDecision>
  /** Reports what became of a permitted bind. Rejects where it cannot; the bind counts as refused then. */
  settle(id: string, result: BindResult): Promise<void>
}
