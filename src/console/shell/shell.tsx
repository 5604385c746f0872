import { useEffect } from 'preact/hooks'
import { me, signInNeeded } from '../api/session.ts'
import { isAtSignIn, loadMe, meProblem } from '../api/sign-in.ts'
import { routes } from '../pages/routes.ts'
import { Dialog } from '../parts/controls/dialog.tsx'
import { ProblemBlock } from '../parts/problem-block.tsx'
import { Patterns } from '../parts/results/marks.tsx'
import { path } from '../url/location.ts'
import { matchPath } from '../url/route.ts'
import { PastBand, TeamBand } from './bands.tsx'
import { Header } from './header.tsx'
import { keepFocus } from './keep-focus.ts'
import { KeyList, listenToKeys } from './keys.tsx'
import { LoadingBar } from './loading-bar.tsx'
import { Navigation } from './navigation.tsx'
import { News } from './news.tsx'
import { Outlet } from './outlet.tsx'
import { SignIn, SignInAgain } from './sign-in.tsx'
import { isWide } from './wide.ts'

/** The frame of every page: header, navigation, bands, and the page; the sign-in while it is not known who asks. */
export function Shell() {
  useEffect(listenToKeys, [])
  useEffect(keepFocus, [])
  return (
    <>
      <LoadingBar />
      <Patterns />
      {me.value && !isAtSignIn() ? <SignedIn /> : <NotSignedIn />}
    </>
  )
}

function SignedIn() {
  const isAlone = routes.find((route) => matchPath(route.path, path.value))?.isAlone
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to the content
      </a>
      {!isAlone && <Header />}
      <TeamBand />
      <PastBand />
      <div class="frame">
        {isWide.value && !isAlone && <Navigation class="rail" />}
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <News />
      <KeyList />
      {signInNeeded.value && (
        <Dialog
          title={signInNeeded.value.isStepUp ? 'Confirm who you are' : 'Your session has ended'}
          onClose={undefined}
        >
          <p>
            {signInNeeded.value.isStepUp && 'This needs a sign-in of the last 15 minutes. '}Sign in again to go on. What
            you typed on this page stays.
          </p>
          <SignInAgain isStepUp={signInNeeded.value.isStepUp} />
        </Dialog>
      )}
    </>
  )
}

function NotSignedIn() {
  const problem = meProblem.value
  if (me.value || problem?.problem.status === 401) return <SignIn />
  if (!problem) return null
  return (
    <main class="alone">
      <h1>Portwarden</h1>
      <ProblemBlock problem={problem} onRetry={() => void loadMe()} />
    </main>
  )
}
