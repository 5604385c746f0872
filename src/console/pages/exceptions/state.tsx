import { Verdict } from '../../parts/results/verdict.tsx'
import { isWindow } from './facts.tsx'
import { Left } from './left.tsx'
import { stateNames, type Waiver, type Window } from './types.ts'

/** The state of a window or waiver; what is open or in force counts down. */
export function State({ item }: { item: Window | Waiver }) {
  const { state } = item
  if (state === 'still-open') return <Verdict result="fail" text={stateNames[state]} />
  if (state === 'closed') return <Verdict result="pass" text={stateNames[state]} />
  if (state === 'ended') return <Verdict result="unknown" text={stateNames[state]} />
  if (state === 'open' || state === 'active')
    return (
      <span>
        <strong>{stateNames[state]}</strong>, <Left until={isWindow(item) ? item.to : item.expiresAt} /> left
      </span>
    )
  return <span class={state === 'requested' ? undefined : 'faint'}>{stateNames[state]}</span>
}
