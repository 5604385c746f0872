import type { PolicyDocument } from '../../../domain/policy/policy.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Severity } from '../../parts/results/severity.tsx'
import { conditionText, demandsOf, statesText } from './expectation.ts'

type Rule = PolicyDocument['rules'][number]
type Parameters = NonNullable<PolicyDocument['parameters']>

/** A text whose placeholders show the parameter and its default. */
function Filled({ text, parameters }: { text: string; parameters: Parameters }) {
  return (
    <>
      {text.split(/(\$\{\w+\})/).map((part, index) => {
        const name = /^\$\{(\w+)\}$/.exec(part)?.[1]
        return name ? <Placeholder key={index} name={name} parameters={parameters} /> : part
      })}
    </>
  )
}

function Placeholder({ name, parameters }: { name: string; parameters: Parameters }) {
  const value = defaultOf(name, parameters)
  return (
    <span class="placeholder">
      <code>{name}</code>
      {value !== undefined && ` (default ${value})`}
    </span>
  )
}

/** The default of a parameter, through the parameters that it names. */
function defaultOf(name: string, parameters: Parameters, depth = 0): string | undefined {
  const value = parameters[name]?.default
  const other = typeof value === 'string' ? /^\$\{(\w+)\}$/.exec(value)?.[1] : undefined
  if (other !== undefined && depth < 10) return defaultOf(other, parameters, depth + 1)
  return value === undefined ? undefined : String(value)
}

function Demands({ expect, parameters }: { expect: Record<string, unknown>; parameters: Parameters }) {
  return (
    <ul class="demands">
      <li>
        <strong>{statesText(expect)}</strong>
      </li>
      {demandsOf(expect).map((demand) => (
        <li key={demand}>
          <Filled text={demand} parameters={parameters} />
        </li>
      ))}
    </ul>
  )
}

/** Scrolls to the rule that the fragment of the URL names: the browser scrolled before the rules were there. */
const showIfNamed = (card: HTMLElement | null): void => {
  if (card && card.id === decodeURIComponent(location.hash.slice(1))) card.scrollIntoView()
}

/** A rule as a person reads it: the flow, what must hold, why, and how to fix a failure. */
export function RuleCard({ rule, parameters }: { rule: Rule; parameters: Parameters }) {
  const filled = (text: string) => <Filled text={text} parameters={parameters} />
  const conditions = rule.when === undefined ? [] : [rule.when].flat()
  return (
    <article class="card rule-card" id={rule.id} ref={showIfNamed} aria-label={rule.title}>
      <header>
        <h3>{rule.title}</h3>
        <p>
          <Severity severity={rule.severity} /> <code>{rule.id}</code>
        </p>
      </header>
      <Flow rule={rule} parameters={parameters} />
      <KeyValues
        entries={[
          ['Must be', <Demands key="expect" expect={rule.expect} parameters={parameters} />],
          [
            'In a window',
            rule.insideWindow && <Demands key="window" expect={rule.insideWindow.expect} parameters={parameters} />,
          ],
          [
            `From ${rule.unlike?.from.join(', ')}`,
            rule.unlike && <Demands key="unlike" expect={rule.unlike.expect} parameters={parameters} />,
          ],
          ['Applies if', conditions.length === 0 ? null : filled(conditions.map(conditionText).join(', and '))],
          ['Evidence', rule.indirect && 'from another zone is accepted, and marked as indirect'],
          ['Why', rule.rationale],
          ['How to fix', rule.remediation],
          ['Controls', rule.controls && <Controls key="controls" controls={rule.controls} />],
        ]}
      />
    </article>
  )
}

function Flow({ rule: { direction, from, probe, host, port }, parameters }: { rule: Rule; parameters: Parameters }) {
  const target = host ? <Filled text={host} parameters={parameters} /> : 'target'
  return (
    <p class="flow">
      <span>{direction === 'inbound' ? from.join(', ') : `target (${from.join(', ')})`}</span>
      <span aria-hidden="true">→</span>
      <span class="visually-hidden">to</span>
      <span>{target}</span>
      <span>
        {probe} {port !== undefined && <Filled text={`port ${port}`} parameters={parameters} />}
      </span>
    </p>
  )
}

function Controls({ controls }: { controls: readonly string[] }) {
  return (
    <ul class="labels">
      {controls.map((control) => (
        <li key={control}>
          <Link class="label" to="/controls" query={{ control }}>
            {control}
          </Link>
        </li>
      ))}
    </ul>
  )
}
