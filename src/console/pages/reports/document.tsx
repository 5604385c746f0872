import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Static } from 'typebox'
import type { LedgerHead as LedgerHeadSchema } from '../../../api/routes/ledger/schemas.ts'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import './reports.css'

const utc = (time: string) => `${time.slice(0, 16).replace('T', ' ')} UTC`

/** A report for paper: its sentence, its content, and what it rests on; the foot of each page has its time and the head of the ledger. */
export function Document({
  title,
  at,
  cover,
  filters,
  policies,
  children,
}: {
  title: string
  /** When what it says was true; undefined until that is known. */
  at: string | undefined
  /** The report in one sentence. */
  cover: ComponentChildren
  filters?: ComponentChildren
  /** The names of the policies that it is about. */
  policies: readonly string[]
  children: ComponentChildren
}) {
  const head = useResource<Static<typeof LedgerHeadSchema>>('/v1/ledger/head')
  const hash = head.value?.hash
  useEffect(() => {
    if (at === undefined) return
    const { style } = document.documentElement
    style.setProperty(
      '--paper-foot',
      JSON.stringify(`${title}, ${utc(at)}${hash ? `, ledger ${hash.slice(0, 16)}` : ''}`),
    )
    return () => style.removeProperty('--paper-foot')
  }, [title, at, hash])
  return (
    <Page
      title={title}
      lead={cover}
      actions={
        <button type="button" class="primary" onClick={() => print()}>
          Print
        </button>
      }
    >
      {filters && <div class="filters">{filters}</div>}
      <div class="paper">{children}</div>
      <Block title="What this report rests on">
        <div class="card">
          <KeyValues
            entries={[
              ['As of', at && <Time key="at" value={at} />],
              ...policies.map((name) => [`Policy ${name}`, at && <Version key={name} name={name} at={at} />] as const),
              [
                'Ledger',
                head.value ? (
                  <code key="head">{head.value.head}</code>
                ) : (
                  'not shown to this key, which is limited to targets'
                ),
              ],
            ]}
          />
          <p>
            Vantages connect to each port and report what they observe; rules judge that. Unknown is neither a pass nor
            a failure. Every audit is an entry of the ledger, and its evidence pack can be verified without the service.
          </p>
        </div>
      </Block>
    </Page>
  )
}

/** The version of a policy at a time, and its SHA-256. */
function Version({ name, at }: { name: string; at: string }) {
  const versions = useResource<{ items: Static<typeof PolicySchema>[] }>(uri`/v1/policies/${name}/versions`)
  const shown = versions.value?.items.find(({ createdAt }) => Date.parse(createdAt) <= Date.parse(at))
  if (!shown) return versions.isLoading ? null : 'none at that time'
  return (
    <>
      version {shown.version}, SHA-256 <code>{shown.digest}</code>
    </>
  )
}
