import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { call } from '../../api/client.ts'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'

type Vantage = Static<typeof VantageSchema>

const pollMs = 1_500

/** A vantage, read again until it is present and its canaries were probed. It keeps no session alive. */
export function useArrival(name: string): Vantage | undefined {
  const [vantage, setVantage] = useState<Vantage>()
  useEffect(() => {
    const leaving = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const poll = async () => {
      const options = { headers: { 'x-portwarden': 'background' }, signal: leaving.signal, mayAskToSignIn: false }
      const response = await call(uri`/v1/vantages/${name}`, options).catch(() => undefined) // the next poll may succeed
      const found: Vantage | undefined = await response?.json()
      if (leaving.signal.aborted) return
      if (found) setVantage(found)
      if (!found || found.lastSeenAt === null || found.canary === 'unknown' || found.canary === 'offline')
        timer = setTimeout(() => void poll(), pollMs)
    }
    void poll()
    return () => {
      leaving.abort()
      clearTimeout(timer)
    }
  }, [name])
  return vantage
}

/** Whether an agent has connected, and whether its canaries respond. */
export function Arrival({ name, vantage }: { name: string; vantage: Vantage | undefined }) {
  if (!vantage || vantage.lastSeenAt === null)
    return (
      <p role="status">
        <Verdict result="notchecked" text="Waiting" /> for the agent of {name} to connect. This page notices it by
        itself.
      </p>
    )
  const { version, canary } = vantage
  const texts: Readonly<Record<Vantage['canary'], string>> = {
    none: 'It has no canary endpoints: set PORTWARDEN_CANARY there, so that a dead network is not taken for silent targets.',
    unknown: 'Its canary endpoints are being probed.',
    online: 'Its canary endpoints respond.',
    offline: 'None of its canary endpoints responds, so nothing that it observes is believed: check its network.',
  }
  return (
    <p role="status">
      <Verdict result={canary === 'offline' ? 'error' : 'pass'} text="Connected" /> as version {version ?? 'not known'}.{' '}
      {texts[canary]}
    </p>
  )
}
