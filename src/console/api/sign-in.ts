import { signal } from '@preact/signals'
import { asProblemError, call, forgetResponses, get } from './client.ts'
import type { Me } from './me.ts'
import type { ProblemError } from './problem.ts'
import { finishSignIn, me } from './session.ts'

/** Why it is not known who is signed in; status 401 means that a sign-in is needed. */
export const meProblem = signal<ProblemError | undefined>(undefined)

/** Reads who is signed in. */
export async function loadMe(): Promise<void> {
  try {
    me.value = await (await call('/v1/me', { mayAskToSignIn: false })).json()
    meProblem.value = undefined
  } catch (error) {
    meProblem.value = asProblemError(error)
  }
}

/** Signs in with a key; nothing of the browser stores the key. Throws ProblemError. */
export async function signInWithKey(key: string): Promise<void> {
  await call('/session', { method: 'POST', body: { key }, mayAskToSignIn: false })
  forgetResponses()
  me.value = await get<Me>('/v1/me')
  meProblem.value = undefined
  finishSignIn()
}

/** Ends the session and loads the console anew, so that nothing of it stays in memory. */
export async function signOut(): Promise<void> {
  await call('/session', { method: 'DELETE', mayAskToSignIn: false })
  location.reload()
}
