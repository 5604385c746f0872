import { useEffect, useState } from 'preact/hooks'
import { asProblemError } from '../api/client.ts'
import type { ProblemError } from '../api/problem.ts'
import { me } from '../api/session.ts'
import { hasIssuer, isAtSignIn, issuerUrl, resumeSession, signInWithKey } from '../api/sign-in.ts'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemBlock } from '../parts/problem-block.tsx'
import { query } from '../url/location.ts'

/** What the issuer, or the service after it, says of a sign-in that failed. */
const failures: Readonly<Record<string, string>> = {
  expired: 'The sign-in took more than 10 minutes, or began in another browser. Start it again.',
  failed: 'The issuer refused the sign-in, or its response is not valid.',
  'no-access': 'You have no access to Portwarden with this account. Ask an administrator for a role.',
  link: 'The link was used before, or is older than 10 minutes.',
  unavailable: 'The issuer does not respond. Try again later, or use a key.',
}

/** The page for those who are not signed in; the address stays, so that a link leads where it should. */
export function SignIn() {
  const code = isAtSignIn() ? query.value.get('error') : null
  return (
    <main class="alone">
      <h1>
        <Icon name="port" /> Portwarden
      </h1>
      <p>Are the ports of our servers as our policy says, and what changed since?</p>
      {code && <p role="alert">{failures[code] ?? failures.failed}</p>}
      {hasIssuer.value && <IssuerLink />}
      <SignInForm />
      {me.value && <Link to="/">Back to the overview</Link>}
    </main>
  )
}

/** The sign-in over a page, which stays: the issuer opens in another tab. */
export function SignInAgain({ isStepUp }: { isStepUp: boolean }) {
  useEffect(() => {
    const resume = () => {
      if (document.visibilityState === 'visible') void resumeSession()
    }
    document.addEventListener('visibilitychange', resume)
    addEventListener('focus', resume)
    return () => {
      document.removeEventListener('visibilitychange', resume)
      removeEventListener('focus', resume)
    }
  }, [])
  return (
    <>
      {hasIssuer.value && (
        <>
          <IssuerLink isStepUp={isStepUp} target="_blank" />
          <p class="faint">It opens in another tab. Come back to this one afterwards.</p>
          <button type="button" onClick={() => void resumeSession()}>
            I have signed in
          </button>
        </>
      )}
      {!(isStepUp && me.value?.kind === 'oidc') && <SignInForm />}
    </>
  )
}

function IssuerLink({ isStepUp = false, target }: { isStepUp?: boolean; target?: '_blank' }) {
  return (
    <p>
      <a class="button primary" href={issuerUrl(isStepUp)} target={target} rel={target && 'noopener'}>
        Sign in with single sign-on
      </a>
    </p>
  )
}

function SignInForm() {
  const [key, setKey] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      await signInWithKey(key.trim())
    } catch (error) {
      setProblem(asProblemError(error))
      setBusy(false)
    }
  }
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <label>
        Key
        <input
          type="password"
          autocomplete="off"
          required
          aria-describedby="key-hint"
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
      </label>
      <p id="key-hint" class="faint">
        A key of the API, from an administrator. The key of the first start is in the file that the service names. The
        browser does not store it.
      </p>
      {problem && <ProblemBlock problem={problem} />}
      <button type="submit" class="primary" disabled={isBusy}>
        Sign in
      </button>
    </form>
  )
}
