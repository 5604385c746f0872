import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { at } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'

interface Named {
  name: string
}
interface PageOf<T> {
  items: T[]
}

interface Step {
  title: string
  text: string
  /** Undefined while that is not known. */
  isDone: boolean | undefined
  scope: string
  /** The first leads to the form. */
  links: readonly { label: string; to: string; query?: Record<string, string | null> }[]
}

/** Of the built-in policies, the one that fits a single server. */
const firstPolicy = 'netwrix-endpoint-protector'

/** What there is of each kind; of most at most one is read. */
function useSteps(): Step[] {
  const policies = useResource<PageOf<Named>>('/v1/policies?fields=summary&limit=100')
  const targets = useResource<PageOf<Named>>('/v1/targets?limit=1')
  const audits = useResource<PageOf<{ policy: Named }>>('/v1/audits?limit=1')
  const schedules = useResource<PageOf<Named>>('/v1/schedules?limit=1')
  const vantages = useResource<PageOf<{ kind: string }>>('/v1/vantages?limit=100')
  const isThere = (resource: { value: PageOf<unknown> | undefined }) =>
    resource.value && resource.value.items.length > 0
  const names = policies.value?.items.map(({ name }) => name)
  const policy = names?.find((name) => name === firstPolicy) ?? names?.[0]
  const target = targets.value?.items[0]?.name
  const audited = audits.value?.items[0]?.policy.name ?? policy
  return [
    {
      title: 'A policy says which ports must be open, and which closed',
      text: 'Some are built in, such as the port list of Netwrix Endpoint Protector. It is enough to begin with.',
      isDone: isThere(policies),
      scope: 'policies:write',
      links: [
        { label: 'Write a policy', to: '/policies/-/new' },
        ...(policy === undefined ? [] : [{ label: 'Read it', to: uri`/policies/${policy}` }]),
      ],
    },
    {
      title: 'Add a target',
      text: 'A server by its name and its address. An import takes a whole list.',
      isDone: isThere(targets),
      scope: 'targets:write',
      links: [
        { label: 'Add a target', to: '/targets/-/new' },
        { label: 'Import a list', to: '/targets/-/import' },
      ],
    },
    {
      title: 'Audit it',
      text: 'Its ports are probed from here, and judged by the policy. This takes some seconds.',
      isDone: isThere(audits),
      scope: 'audits:run',
      links: [{ label: 'New audit', to: '/audits/new', query: { target: target ?? null, policy: policy ?? null } }],
    },
    {
      title: 'Audit it every night',
      text: 'A schedule starts the same audit again, and this page shows what has changed.',
      isDone: isThere(schedules),
      scope: 'audits:run',
      links: [
        { label: 'Add a schedule', to: '/schedules/-/new', query: { target: target ?? null, policy: audited ?? null } },
      ],
    },
    {
      title: 'Probe from where the clients are',
      text: 'An agent probes from another network. Rules for zones without one are not checked.',
      isDone: vantages.value?.items.some(({ kind }) => kind === 'agent'),
      scope: 'admin',
      links: [{ label: 'Add an agent', to: '/vantages', query: { add: 'agent' } }],
    },
  ]
}

/** What a new installation needs before there is something to see, each step done by a form. */
export function FirstSteps({ note, children }: { note?: ComponentChildren; children?: ComponentChildren }) {
  const steps = useSteps()
  const next = steps.find(({ isDone }) => isDone === false)
  return (
    <Block title="First steps" note={note}>
      <ol class="steps card">
        {steps.map((step) => (
          <li key={step.title}>
            <strong>{step.title}</strong> {step.isDone && <Verdict result="pass" text="Done" />}
            <p>{step.text}</p>
            {(!step.isDone || step === steps[0]) && <StepLinks step={step} isNext={step === next} />}
          </li>
        ))}
      </ol>
      {children}
    </Block>
  )
}

function StepLinks({ step: { links, scope }, isNext }: { step: Step; isNext: boolean }) {
  if (!mayAny(me.value, scope)) return <p class="faint">Needs the scope {scope}.</p>
  return (
    <div class="actions">
      {links.map(({ label, to, query = {} }, i) => (
        <Link key={label} class={i > 0 ? '' : isNext ? 'button primary' : 'button'} to={to} query={query}>
          {label}
        </Link>
      ))}
    </div>
  )
}

const hiddenKey = 'portwarden-first-steps'

/** The steps that are left once there is something to see, until a schedule exists or they are hidden. */
export function StepsLeft() {
  const [isHidden, setHidden] = useState(localStorage.getItem(hiddenKey) === 'hidden')
  const schedules = useResource<PageOf<Named>>(isHidden || at.value ? undefined : '/v1/schedules?limit=1')
  if (isHidden || at.value || schedules.value?.items.length !== 0) return null
  const hide = () => {
    localStorage.setItem(hiddenKey, 'hidden')
    setHidden(true)
  }
  return (
    <FirstSteps>
      <div class="actions">
        <button type="button" class="quiet" onClick={hide}>
          Hide the first steps
        </button>
      </div>
    </FirstSteps>
  )
}
