import type { Static } from 'typebox'
import type { LedgerEntry as LedgerEntrySchema, LedgerHead } from '../../../api/routes/ledger/schemas.ts'
import type { LedgerAction } from '../../../domain/ledger.ts'
import { useResource } from '../../api/resource.ts'
import { Actor } from '../../parts/actor.tsx'
import { Choice, SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { CopyButton, Listing } from '../../parts/lists/listing.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { query } from '../../url/location.ts'
import { Verification } from './verification.tsx'
import './ledger.css'

type Entry = Static<typeof LedgerEntrySchema>

// A record, so that the compiler names an action that is missing.
const actions = Object.keys({
  'ledger.begin': true,
  'ledger.adopt': true,
  'policy.put': true,
  'target.create': true,
  'target.change': true,
  'target.retire': true,
  'targets.save': true,
  'window.request': true,
  'window.approve': true,
  'window.reject': true,
  'window.cancel': true,
  'window.reprobe': true,
  'window.prove': true,
  'waiver.request': true,
  'waiver.approve': true,
  'waiver.reject': true,
  'waiver.revoke': true,
  'baseline.create': true,
  'baseline.approve': true,
  'baseline.delete': true,
  'key.create': true,
  'key.revoke': true,
  'session.start': true,
  'session.end': true,
  'schedule.create': true,
  'schedule.change': true,
  'schedule.delete': true,
  'webhook.create': true,
  'webhook.change': true,
  'webhook.disable': true,
  'webhook.rotate': true,
  'webhook.reseal': true,
  'webhook.delete': true,
  'vantage.put': true,
  'vantage.remove': true,
  'audit.cancel': true,
  'audit.finish': true,
  'findings.drop': true,
} satisfies Record<LedgerAction, true>)

/** The signed record of every change: what it holds, and whether it is intact. */
export default function Ledger() {
  const head = useResource<Static<typeof LedgerHead>>('/v1/ledger/head')
  const filter = (name: string) => query.value.get(name)
  return (
    <Page title="Ledger" lead="Every change, signed and chained to the one before, so that none can be altered unseen.">
      <div class="columns">
        <Block title="Newest entry">
          <ResourceView of={head}>{(shown) => <Head head={shown} />}</ResourceView>
        </Block>
        <Block title="Is it intact?">
          <Verification total={head.value?.seq} />
        </Block>
      </div>
      <Block title="Entries">
        <div class="filters">
          <Choice name="action" title="Action" values={actions.map((value) => ({ value }))} />
          <SearchField name="subject" title="Subject" hint="Whole name or id" />
          <SearchField name="actor" title="Actor" hint="Id of a key" />
        </div>
        <Listing<Entry>
          path="/v1/ledger"
          parameters={{ action: filter('action'), subject: filter('subject'), actor: filter('actor') }}
          hasFiles={false}
          caption="Entries, newest first"
          rowKey={({ seq }) => String(seq)}
          columns={[
            { head: 'Entry', isNumber: true, cell: ({ seq }) => seq.toLocaleString('en') },
            { head: 'Time', cell: ({ at }) => <Time value={at} /> },
            { head: 'Action', cell: ({ action }) => action },
            { head: 'Subject', cell: ({ subject }) => subject },
            { head: 'Actor', cell: ({ actor, actorName }) => <Actor id={actor} name={actorName} /> },
            { head: 'Content', cell: (entry) => <Content entry={entry} /> },
          ]}
          empty={<EmptyState title="No entry matches." />}
        />
      </Block>
    </Page>
  )
}

function Head({ head: { seq, at, hash, keyId, head } }: { head: Static<typeof LedgerHead> }) {
  return (
    <div class="card ledger-head">
      <KeyValues
        entries={[
          ['Entry', seq.toLocaleString('en')],
          ['Written', <Time key="time" value={at} />],
          ['Hash', <code key="hash">{hash}</code>],
          ['Signed with key', <code key="key">{keyId}</code>],
        ]}
      />
      <p class="faint">A copy of this head outside of the service shows later whether entries were cut off.</p>
      <div class="actions">
        <CopyButton text={head}>Copy the head</CopyButton>
      </div>
    </div>
  )
}

function Content({ entry: { payload, hash } }: { entry: Entry }) {
  return (
    <details class="ledger-content">
      <summary>Show</summary>
      <pre>{JSON.stringify(payload, null, 2)}</pre>
      <p class="faint">
        Hash <code>{hash}</code>
      </p>
    </details>
  )
}
