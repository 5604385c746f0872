import { signal } from '@preact/signals'
import type { Me } from './me.ts'

/** Who is signed in; undefined until that is known. */
export const me = signal<Me | undefined>(undefined)

interface SignIn {
  /** Whether the session lasts, and the person must prove again who it is. */
  isStepUp: boolean
  done: Promise<void>
  finish(): void
}

/** Set while a request waits for a sign-in; the shell shows the dialog. */
export const signInNeeded = signal<SignIn | undefined>(undefined)

/** Asks for a sign-in and resolves once it happened; concurrent callers share one dialog. */
export function signedInAgain({ isStepUp }: Pick<SignIn, 'isStepUp'>): Promise<void> {
  if (!signInNeeded.value) {
    const { promise, resolve } = Promise.withResolvers<void>()
    signInNeeded.value = { isStepUp, done: promise, finish: resolve }
  }
  return signInNeeded.value.done
}

/** Lets the waiting requests go on. */
export function finishSignIn(): void {
  const waiting = signInNeeded.value
  signInNeeded.value = undefined
  waiting?.finish()
}
