import type { View } from './context.ts'

interface Retention {
  /** Retention of findings, dropped by whole months. */
  retentionDays: number
  webhookRetentionDays?: number
}

/** The nightly maintenance: creates partitions ahead, removes what is older than its retention, and sends again what would close an alert. */
export async function maintain(
  {
    stores: { binds, discoveries, maintenance, sessions, traces, vantages },
    transaction,
  }: Pick<View, 'stores' | 'transaction'>,
  { retentionDays, webhookRetentionDays = 30 }: Retention,
): Promise<{ droppedPartitions: string[] }> {
  await maintenance.ensurePartitions()
  const droppedPartitions = await transaction(async (tx) => {
    const names = await tx.maintenance.dropFindings(retentionDays)
    // Distinguishes dropped findings from findings that were tampered with.
    for (const name of names)
      tx.ledger.record({ actor: 'system', action: 'findings.drop', subject: name, payload: { retentionDays } })
    return names
  })
  await maintenance.dropPermissions(retentionDays)
  await traces.dropOld(retentionDays)
  await discoveries.dropOld(retentionDays)
  await vantages.dropAbsences(retentionDays)
  await binds.dropOld()
  await sessions.dropEnded()
  await maintenance.dropOldRequests()
  await maintenance.dropOldDeliveries(webhookRetentionDays)
  await transaction(async ({ outbox, alerts }) => {
    await outbox.holdOrder()
    await alerts.reviveClearing()
  })
  await maintenance.sweepEvidence()
  return { droppedPartitions }
}
