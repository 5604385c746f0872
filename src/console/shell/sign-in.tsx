import { useState } from 'preact/hooks'
import { asProblemError } from '../api/client.ts'
import type { ProblemError } from '../api/problem.ts'
import { signInWithKey } from '../api/sign-in.ts'
import { Icon } from '../parts/icon.tsx'
import { ProblemBlock } from '../parts/problem-block.tsx'

/** The page for those who are not signed in; the address stays, so that a link leads where it should. */
export function SignIn() {
  return (
    <main class="alone">
      <h1>
        <Icon name="port" /> Portwarden
      </h1>
      <p>Are the ports of our servers as our policy says, and what changed since?</p>
      <SignInForm />
    </main>
  )
}

export function SignInForm() {
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
