import { RefusedError } from '../../../domain/errors.ts'
import type { PolicyDocument } from '../../../domain/policy/policy.ts'
import { checkDraft, draftOf } from '../../../operations/policies/check.ts'
import type { Stores } from '../../../store/db/stores.ts'

/** The draft in `document` of a body: YAML text, or a value. Throws RefusedError with what is wrong. */
export async function readDraft(stores: Stores, draft: unknown): Promise<PolicyDocument> {
  const checked = await checkDraft(stores, draftOf(draft))
  if (!('errors' in checked)) return checked.document
  throw new RefusedError(
    checked.errors.map(({ pointer, message, line }) => ({
      pointer: `/document${pointer}`,
      message: line === undefined ? message : `line ${line}: ${message}`,
    })),
  )
}
