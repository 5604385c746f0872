import { describe, expect, test } from 'vitest'
import { readSources, type Source } from '../support/sources.ts'

/** What only some files may do, so that every change of state is an operation. */
const reserved: readonly { what: string; pattern: RegExp; to: readonly string[] }[] = [
  {
    what: 'records in the ledger',
    pattern: /\bledger\s*(\?\.|\.)\s*(record|begin)\s*\(|\{[^{}]*\b(record|begin)\b[^{}]*\}\s*=[^;\n]*\bledger\b/,
    to: ['operations/'],
  },
  {
    what: 'appends entries of the ledger',
    pattern: /\bappendEntries\b/,
    to: ['store/ledger/entries.ts', 'store/db/stores.ts'],
  },
  {
    what: 'writes the table of the ledger',
    pattern: /(INSERT INTO|UPDATE|DELETE FROM)\s+ledger_entry\b|\bledgerEntry\s*\.\s*(create|update|upsert|delete)/,
    to: ['store/ledger/entries.ts'],
  },
  { what: 'adds to the outbox', pattern: /\boutbox\s*(\?\.|\.)\s*add\b/, to: ['operations/events/publish.ts'] },
  { what: 'empties the outbox', pattern: /\boutbox\s*(\?\.|\.)\s*take\b/, to: ['operations/events/relay.ts'] },
  {
    what: 'uses the store of the outbox',
    pattern: /\bcreateOutboxStore\b/,
    to: ['store/webhooks/outbox.ts', 'store/db/all-stores.ts'],
  },
  {
    what: 'writes the table of the outbox',
    pattern: /(INSERT INTO|UPDATE|DELETE FROM)\s+webhook_outbox\b|\bwebhookOutbox\s*\.\s*(create|update|upsert|delete)/,
    to: ['store/webhooks/outbox.ts'],
  },
  {
    what: 'opens a transaction',
    pattern: /\btransaction\s*\(/,
    to: ['operations/', 'store/', 'api/http/auth.ts'], // auth limits the transactions of a caller
  },
]

const violations = ({ path, text }: Source): string[] =>
  reserved
    .filter(({ pattern, to }) => pattern.test(text) && !to.some((allowed) => path.startsWith(allowed)))
    .map(({ what }) => `${path} ${what}`)

test('only operations write the ledger and the outbox, and open transactions', () => {
  expect(readSources().flatMap(violations)).toEqual([])
})

describe('the check', () => {
  test.each([
    ['api/routes/x.ts', `tx.ledger.record({ actor })`, 'records in the ledger'],
    ['jobs/x.ts', `stores.ledger\n  .record(change)`, 'records in the ledger'],
    ['app/x.ts', `const { record } = tx.ledger`, 'records in the ledger'],
    ['app/x.ts', `await tx.ledger.begin('system')`, 'records in the ledger'],
    ['operations/x.ts', `import { appendEntries } from '../store/ledger/entries.ts'`, 'appends entries of the ledger'],
    ['store/x.ts', 'db.$executeRaw`INSERT INTO ledger_entry (seq)`', 'writes the table of the ledger'],
    ['store/x.ts', 'db.ledgerEntry.createMany({ data })', 'writes the table of the ledger'],
    ['operations/x.ts', `tx.outbox.add([event])`, 'adds to the outbox'],
    ['store/x.ts', `createOutboxStore(db)`, 'uses the store of the outbox'],
    ['store/x.ts', '`INSERT INTO webhook_outbox (kind)`', 'writes the table of the outbox'],
    ['api/routes/x.ts', `await view.transaction(async (tx) => tx)`, 'opens a transaction'],
  ])('finds in %s: %j', (path, text, what) => {
    expect(violations({ path, text })).toContain(`${path} ${what}`)
  })

  test.each([
    ['operations/keys/x.ts', `tx.ledger.record({ actor })`],
    ['api/routes/x.ts', `view.stores.ledger.list(query)`],
    ['api/routes/x.ts', `await createTarget(view, body, requester)`],
  ])('accepts in %s: %j', (path, text) => {
    expect(violations({ path, text })).toEqual([])
  })
})
