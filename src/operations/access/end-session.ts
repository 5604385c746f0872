import { NotFoundError } from '../../domain/errors.ts'
import type { View } from '../context.ts'

/** Ends a session: its cookie is rejected immediately, by all processes. Throws NotFoundError. */
export async function endSession({ transaction }: Pick<View, 'transaction'>, id: string, actor: string): Promise<void> {
  await transaction(async (tx) => {
    if (!(await tx.sessions.end(id))) throw new NotFoundError(`there is no session ${id}`)
    tx.ledger.record({ actor, action: 'session.end', subject: id, payload: {} })
  })
}
