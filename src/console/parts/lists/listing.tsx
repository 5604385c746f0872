import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useResource } from '../../api/resource.ts'
import { servicePath } from '../../url/base.ts'
import { hrefWith, query } from '../../url/location.ts'
import { apiPath, type Parameters } from '../../url/parameters.ts'
import { Icon } from '../icon.tsx'
import { Link } from '../link.tsx'
import { ResourceView } from '../resource-view.tsx'
import { type Column, DataTable } from './data-table.tsx'

const pageSize = 100
/** From so many rows on, people with a keyboard can skip them. */
const longTable = 20

export interface PageOf<Row> {
  items: Row[]
  next: string | null
  total?: number
}

interface List<Row> {
  path: string
  /** The filters, as the API takes them. */
  parameters?: Parameters
  /** False for a list that the API has as JSON alone. */
  hasFiles?: boolean
  /** What to show instead of an empty table. */
  empty: ComponentChildren
  caption: string
  columns: readonly Column<Row>[]
  rowKey: (row: Row) => string
  defaultOrder?: string
}

/** The path of a page of a list. The cursor is in the URL. */
export const listPath = (path: string, parameters?: Parameters): string =>
  apiPath(path, { ...parameters, limit: pageSize, cursor: query.value.get('cursor') })

/** A list of the API as a page of a table, with its tools. */
export function Listing<Row>(list: List<Row>) {
  const page = useResource<PageOf<Row>>(listPath(list.path, list.parameters))
  return <ResourceView of={page}>{(value) => <ListPage page={value} {...list} />}</ResourceView>
}

/** A page of a list that is there, with its tools. */
export function ListPage<Row>({
  page: { items, next, total },
  path,
  parameters,
  hasFiles = true,
  empty,
  ...table
}: List<Row> & { page: PageOf<Row> }) {
  const cursor = query.value.get('cursor')
  const shown = useRef<HTMLTableElement>(null)
  const foot = useRef<HTMLElement>(null)
  const isTurned = useRef(false)
  useEffect(() => {
    if (!isTurned.current) return
    isTurned.current = false
    shown.current?.focus({ preventScroll: true })
    shown.current?.scrollIntoView() // from its first row
  }, [items])
  if (items.length === 0 && !cursor) return <>{empty}</>
  return (
    <>
      {items.length > longTable && (
        <button
          type="button"
          class="skip-table"
          onClick={() => foot.current?.querySelector<HTMLElement>('a, button')?.focus()}
        >
          Skip the {items.length} rows
        </button>
      )}
      <DataTable rows={items} tableRef={shown} {...table} />
      <footer class="list-foot" ref={foot}>
        <p class="faint">
          {total === undefined ? `${items.length} on this page` : `${items.length} of ${total.toLocaleString('en')}`}
        </p>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter on a link is a click */}
        <nav class="actions" aria-label="Pages of the list" onClick={() => (isTurned.current = true)}>
          {cursor && <Link url={hrefWith({})}>First page</Link>}
          {next && <Link url={hrefWith({ cursor: next })}>Next page</Link>}
        </nav>
        <ListTools path={path} parameters={parameters} hasFiles={hasFiles} />
      </footer>
    </>
  )
}

/** The list elsewhere: a link, CSV, JSON, and the command that reads it. */
export function ListTools({
  path,
  parameters = {},
  hasFiles = true,
}: {
  path: string
  parameters?: Parameters | undefined
  hasFiles?: boolean
}) {
  const whole = (format: string) =>
    servicePath(apiPath(path, { ...parameters, format, all: format === 'json' || null }))
  const url = new URL(servicePath(apiPath(path, parameters)), location.origin)
  return (
    <div class="actions list-tools">
      <CopyButton text={location.href}>Copy link</CopyButton>
      {hasFiles && (
        <>
          <a href={whole('csv')} download>
            <Icon name="download" /> CSV
          </a>
          <a href={whole('json')} download={`${path.split('/').at(-1)}.json`}>
            <Icon name="download" /> JSON
          </a>
        </>
      )}
      <CopyButton text={`curl -H "Authorization: Bearer $KEY" '${url.href.replaceAll("'", '%27')}'`}>
        Copy curl
      </CopyButton>
    </div>
  )
}

/** A button that copies a text, and says so. */
export function CopyButton({ text, children }: { text: string; children: ComponentChildren }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <button type="button" class="quiet" aria-live="polite" onClick={() => void copy()}>
      <Icon name="copy" /> {isCopied ? 'Copied' : children}
    </button>
  )
}
