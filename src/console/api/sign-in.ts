import { signal } from '@preact/signals'
import { servicePath } from '../url/base.ts'
import { href, navigate, path, query } from '../url/location.ts'
import { apiPath } from '../url/parameters.ts'
import { asProblemError, call, forgetResponses } from './client.ts'
import type { Me } from './me.ts'
import type { ProblemError } from './problem.ts'
import { finishSignIn, me, signInNeeded } from './session.ts'

/** Why it is not known who is signed in; status 401 means that a sign-in is needed. */
export const meProblem = signal<ProblemError | undefined>(undefined)

/** Whether people can sign in at an issuer. */
export const hasIssuer = signal(false)

/** The page to which an issuer leads when a sign-in fails, and one-time links lead. */
const signInPage = '/sign-in'
export const isAtSignIn = (): boolean => path.value === signInPage

/** Signs in with the token of a one-time link, if the URL has one, and reads who is signed in. */
export async function loadMe(): Promise<void> {
  void loadWays()
  const token = takeToken()
  if (token !== undefined) {
    const isDone = await attempt(() => signIn({ token }))
    if (!isDone && meProblem.value?.problem.status === 401)
      navigate(href(signInPage, { error: 'link' }), { replace: true })
  } else if ((await attempt(readMe)) && !query.value.has('error')) leaveSignIn()
}

async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    meProblem.value = asProblemError(error)
    return false
  }
}

async function readMe(): Promise<void> {
  me.value = await (await call('/v1/me', { mayAskToSignIn: false })).json()
  meProblem.value = undefined
}

/** Reads which ways of sign-in there are; a key is always one. */
async function loadWays(): Promise<void> {
  const response = await call('/session', { mayAskToSignIn: false }).catch(() => undefined) // a key is a way, too
  if (response) hasIssuer.value = ((await response.json()) as { oidc: boolean }).oidc
}

/** The token of the fragment, which leaves the address and the history. */
function takeToken(): string | undefined {
  const token = isAtSignIn() ? /^#token=(.+)$/.exec(location.hash)?.[1] : undefined
  if (token !== undefined) history.replaceState(null, '', location.pathname)
  return token
}

/** Signs in with a key; nothing of the browser stores the key. Throws ProblemError. */
export const signInWithKey = (key: string): Promise<void> => signIn({ key })

async function signIn(credentials: { key: string } | { token: string }): Promise<void> {
  await call('/session', { method: 'POST', body: credentials, mayAskToSignIn: false })
  forgetResponses()
  await readMe()
  finishSignIn()
  leaveSignIn()
}

const leaveSignIn = (): void => {
  if (isAtSignIn()) navigate(href('/'), { replace: true })
}

/** The URL that starts a sign-in at the issuer and leads back to this page; with `again` the person must prove who it is. */
export const issuerUrl = (again: boolean): string =>
  servicePath(
    apiPath('/session/oidc/start', {
      back: isAtSignIn() ? href('/') : location.pathname + location.search,
      again: again || null,
    }),
  )

/** Lets waiting requests go on if the person has signed in in another tab. */
export async function resumeSession(): Promise<void> {
  if (!signInNeeded.value) return
  const before = me.value?.session?.id
  const response = await call('/v1/me', { mayAskToSignIn: false }).catch(() => undefined) // the dialog stays
  const person: Me | undefined = await response?.json()
  if (!person || (signInNeeded.value?.isStepUp && person.session?.id === before)) return
  forgetResponses()
  me.value = person
  finishSignIn()
}

/** Ends the session and loads the console anew, so that nothing of it stays in memory. */
export async function signOut(): Promise<void> {
  await call('/session', { method: 'DELETE', mayAskToSignIn: false })
  location.reload()
}
