import { readBuiltIns } from '../../policies/built-in.ts'
import type { View } from '../context.ts'
import { ensurePolicy } from './put.ts'

/** Adds the built-in policies of this version of the service. */
export async function addBuiltInPolicies(view: Pick<View, 'transaction'>): Promise<void> {
  for (const { document, source } of readBuiltIns()) await ensurePolicy(view, document, 'system', source)
}
