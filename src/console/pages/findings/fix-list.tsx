import { useMemo } from 'preact/hooks'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { CopyButton, ListTools } from '../../parts/lists/listing.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Severity } from '../../parts/results/severity.tsx'
import { apiPath, type Parameters, uri } from '../../url/parameters.ts'
import { type CurrentFinding, views } from './current-finding.ts'
import { type Fix, fixesOf, fixListText, hostsText } from './fixes.ts'

const maxFindings = 1000
const shownHosts = 12

const groups: readonly { kind: Fix['kind']; title: string; note: string }[] = [
  { kind: 'close', title: 'Close', note: 'Flows that a firewall or the host must block' },
  { kind: 'open', title: 'Open', note: 'Flows that must reach a service that runs' },
  { kind: 'host', title: 'Change on the host', note: 'The port is as it must be, what responds on it is not' },
]

/** The failures as what has to change. */
export function FixList({ filters }: { filters: Parameters }) {
  const parameters = { ...filters, ...views.fix }
  const findings = useResource<{ items: CurrentFinding[]; next: string | null; total: number }>(
    apiPath('/v1/findings', { ...parameters, order: 'worst', facets: true, limit: maxFindings }),
  )
  return (
    <ResourceView of={findings}>
      {({ items, next, total }) =>
        items.length === 0 ? (
          <EmptyState title="Nothing has to change.">No failure has these filters.</EmptyState>
        ) : (
          <Fixes findings={items} total={next === null ? undefined : total} parameters={parameters} />
        )
      }
    </ResourceView>
  )
}

function Fixes({
  findings,
  total,
  parameters,
}: {
  findings: readonly CurrentFinding[]
  /** How many failures there are, if these are not all. */
  total: number | undefined
  parameters: Parameters
}) {
  const fixes = useMemo(() => fixesOf(findings), [findings])
  return (
    <>
      <p>
        {fixes.length === 1 ? 'One change ends' : `${fixes.length.toLocaleString('en')} changes end`}{' '}
        {total === undefined ? 'all' : 'the worst'} {findings.length.toLocaleString('en')}
        {total !== undefined && ` of ${total.toLocaleString('en')}`} failures.
      </p>
      {groups.map(({ kind, title, note }) => {
        const ofKind = fixes.filter((fix) => fix.kind === kind)
        if (ofKind.length === 0) return null
        return (
          <Block key={kind} title={title} note={note}>
            <ul class="card fixes">
              {ofKind.map((fix) => (
                <FixItem
                  key={JSON.stringify([fix.policy, fix.rule, fix.port, fix.vantages, fix.reason.code])}
                  fix={fix}
                />
              ))}
            </ul>
          </Block>
        )
      })}
      <footer class="list-foot">
        <div class="actions">
          <CopyButton text={fixListText(fixes)}>Copy as ticket text</CopyButton>
          <button type="button" class="quiet" onClick={() => print()}>
            Print
          </button>
        </div>
        <ListTools path="/v1/findings" parameters={parameters} />
      </footer>
    </>
  )
}

function FixItem({ fix }: { fix: Fix }) {
  const { kind, severity, title, policy, port, vantages, allowed, reason, hosts } = fix
  const more = hosts.length - shownHosts
  return (
    <li class="fix">
      {severity && <Severity severity={severity} />}
      <div>
        <p class="fix-change">
          {kind === 'host' ? (
            reason.message
          ) : (
            <>
              {vantages.join(', ')} <span aria-hidden="true">→</span>
              <span class="visually-hidden">to</span> {hostsText(fix)} <code>:{port}</code> must be{' '}
              <strong>{allowed}</strong>
            </>
          )}
        </p>
        <p class="faint">
          <Link to={uri`/policies/${policy}`}>{title}</Link>
          {kind === 'host' && port !== null && `, port ${port}, seen from ${vantages.join(', ')}`}
        </p>
        <ul class="fix-hosts">
          {hosts.slice(0, shownHosts).map(({ target, host, fingerprint }) => (
            <li key={fingerprint}>
              <Link to={uri`/findings/${fingerprint}`}>{target}</Link>
              {host !== target && <span class="faint"> {host}</span>}
            </li>
          ))}
          {more > 0 && <li class="faint">and {more.toLocaleString('en')} more, in the ticket text and the CSV</li>}
        </ul>
      </div>
    </li>
  )
}
