import { useState } from 'preact/hooks'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Labels } from '../../parts/lists/labels.tsx'
import { CopyButton, ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { Severity } from '../../parts/results/severity.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { type Detail, vantageText } from './current-finding.ts'
import { Addresses } from './evidence.tsx'
import { AuditsOf, Exceptions } from './exceptions.tsx'
import { History } from './history.tsx'
import { portText } from './port-text.ts'
import { Proof } from './proof.tsx'
import { compareExpected } from './seen.ts'
import { sentenceOf, ticketText } from './sentence.ts'
import './findings.css'

/** One finding: what is wrong, since when, how to fix it, and how that is known. */
export default function FindingPage({ params: { fingerprint = '' } }: PageProps) {
  const path = uri`/v1/findings/${fingerprint}`
  const finding = useResource<Detail>(apiPath(path, { at: at.value }))
  const { value } = finding
  return (
    <Page
      title={value ? `${value.target.name}: ${value.rule.title ?? value.rule.id}` : 'Finding'}
      lead={value && <Sentence detail={value} />}
      actions={value && <Actions detail={value} />}
    >
      <ResourceView of={finding}>
        {(detail) => (
          <>
            <Content detail={detail} />
            <ListTools path={path} parameters={{ at: at.value }} hasFiles={false} />
          </>
        )}
      </ResourceView>
    </Page>
  )
}

function Sentence({ detail }: { detail: Detail }) {
  const { current } = detail
  if (!current) return <>Nothing was known of {detail.target.name} at that time.</>
  return (
    <>
      <Verdict result={shownResult(current.result, current.waiver)} /> {sentenceOf(detail, current)} Since{' '}
      <Time value={current.since} />, last confirmed <Time value={current.lastConfirmed} />.
    </>
  )
}

function Actions({ detail }: { detail: Detail }) {
  const [isOpen, setOpen] = useState(false)
  const { target, policy, current } = detail
  return (
    <>
      {current && (
        <>
          <CopyButton text={ticketText(detail, current)}>Copy as ticket text</CopyButton>
          <button type="button" onClick={() => setOpen(true)}>
            How do we know?
          </button>
        </>
      )}
      {!at.value && mayAny(me.value, 'audits:run') && current?.result === 'fail' && !current.waiver && (
        <Link class="button" to="/waivers/new" query={{ finding: detail.fingerprint }}>
          Request a waiver
        </Link>
      )}
      {!at.value && mayAny(me.value, 'audits:run') && (
        <Link class="button primary" to="/audits/new" query={{ policy: policy.name, target: target.name }}>
          Audit this again
        </Link>
      )}
      {isOpen && current && <Proof detail={detail} current={current} onClose={() => setOpen(false)} />}
    </>
  )
}

function Content({ detail }: { detail: Detail }) {
  const { current } = detail
  return (
    <>
      <div class="columns">
        <div class="page">
          <Block title="Expected and seen" note={current?.reason.message}>
            {current ? <Compared current={current} /> : <EmptyState title="Nothing was known at that time." />}
          </Block>
          <Block title="Evidence">
            {current?.evidence ? (
              <>
                <Addresses evidence={current.evidence} />
                <Path trace={detail.trace} />
              </>
            ) : (
              <EmptyState title="No port was probed.">{current?.reason.message}</EmptyState>
            )}
          </Block>
        </div>
        <div class="page">
          <Block title="Why, and how to fix it">
            <Why detail={detail} />
          </Block>
          <Block title="About">
            <About detail={detail} />
          </Block>
        </div>
      </div>
      <History detail={detail} />
      <Exceptions detail={detail} />
      <AuditsOf audits={detail.audits} />
    </>
  )
}

/** Where the port is blocked; measured, so it is no evidence. */
function Path({ trace }: Pick<Detail, 'trace'>) {
  return trace && <p>{trace.summary}</p>
}

function Why({ detail: { rule, policy, current } }: { detail: Detail }) {
  return (
    <div class="card">
      <KeyValues
        entries={[
          ['How to fix', rule.remediation],
          ['Why', rule.rationale],
          ['Severity', rule.severity && <Severity key="severity" severity={rule.severity} />],
          ['Controls', rule.controls.length > 0 ? <Controls key="controls" controls={rule.controls} /> : null],
        ]}
      />
      {rule.title === null && <p>The newest version of the policy has no such rule.</p>}
      {current?.result === 'fail' && (
        <Link to="/findings" query={{ show: 'fix', policy: policy.name, rule: rule.id }}>
          Which flows must change, for all targets of the rule
        </Link>
      )}
    </div>
  )
}

function Compared({ current: { expected, state, evidence, reason } }: { current: NonNullable<Detail['current']> }) {
  if (!expected) return <EmptyState title="The rule demands nothing of this target.">{reason.message}</EmptyState>
  return (
    <DataTable
      caption={`${expected.host} ${portText(expected)}`}
      rows={compareExpected({ ...expected.expect }, state, evidence)}
      rowKey={({ what }) => what}
      columns={[
        { head: 'What', cell: ({ what }) => what },
        { head: 'Expected', cell: (row) => <strong>{row.expected}</strong> },
        { head: 'Seen', cell: ({ seen }) => seen || <span class="faint">no fact</span> },
      ]}
    />
  )
}

function Controls({ controls }: { controls: Detail['rule']['controls'] }) {
  return (
    <ul>
      {controls.map(({ control, title }) => (
        <li key={control}>
          {control}
          {title && <span class="faint"> {title}</span>}
        </li>
      ))}
    </ul>
  )
}

function About({ detail }: { detail: Detail }) {
  const { target, policy, rule, fingerprint } = detail
  return (
    <div class="card">
      <KeyValues
        entries={[
          [
            'Target',
            <Link key="target" to={uri`/targets/${target.name}`}>
              {target.name}
            </Link>,
          ],
          ['Address', <code key="address">{target.address}</code>],
          [
            'Labels',
            Object.keys(target.labels).length > 0 ? (
              <Labels key="labels" page="/findings" labels={target.labels} />
            ) : null,
          ],
          [
            'Policy',
            <Link key="policy" to={uri`/policies/${policy.name}`}>
              {policy.name}
              {policy.version !== null && ` version ${policy.version}`}
            </Link>,
          ],
          ['Rule', <code key="rule">{rule.id}</code>],
          ['Probe', rule.probe],
          ['Must be seen from', rule.from.join(', ') || null],
          ['Seen from', vantageText(detail)],
          ['Fingerprint', <code key="fingerprint">{fingerprint}</code>],
        ]}
      />
    </div>
  )
}
