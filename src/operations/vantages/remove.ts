import { ConflictError, NotFoundError } from '../../domain/errors.ts'
import type { View } from '../context.ts'
import { publish } from '../events/publish.ts'

/**
 * Removes a vantage; its history stays, and registering its name again continues it. A worker then records its open checks as
 * `notchecked`. Throws ConflictError while a worker serves it or a schedule names it, and NotFoundError.
 */
export async function removeVantage(
  { transaction }: Pick<View, 'transaction'>,
  name: string,
  actor: string,
): Promise<void> {
  await transaction(async (tx) => {
    const removal = await tx.vantages.remove(name)
    if (!removal) throw new NotFoundError(`there is no vantage ${name}`)
    if (removal === 'served')
      throw new ConflictError(
        `a worker serves the vantage ${name}: take it out of PORTWARDEN_VANTAGE there, then wait 15 s`,
      )
    const schedules = await tx.schedules.namesWith(name)
    if (schedules.length > 0)
      throw new ConflictError(
        `these schedules name the vantage ${name}, change or delete them first: ${schedules.join(', ')}`,
      )
    tx.ledger.record({ actor, action: 'vantage.remove', subject: name, payload: {} })
    const { isNotified, vantage } = removal
    if (!isNotified || !vantage.lastSeenAt) return
    const data = { vantage: { ...vantage, lastSeenAt: vantage.lastSeenAt.toISOString() } }
    await publish(tx, [{ type: 'vantage.returned', subject: name, data }]) // ends the alert of its absence
  })
}
