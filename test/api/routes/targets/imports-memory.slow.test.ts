import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Service, startServiceProcess } from '../../../support/commands.ts'
import { createTestDatabase } from '../../../support/database.ts'

const rows = 100_000
const megabyte = 2 ** 20

const csvRow = (i: number) =>
  `host-${i}.corp.example,10.${i >> 16}.${(i >> 8) & 255}.${i & 255},"[""epp""]","{""site"":""s${i % 100}""}","{""sshPort"":22}",CI-${i}\r\n`
const ndjsonRow = (i: number) =>
  `{"name":"host-${i}.corp.example","address":"10.1.1.1","labels":{"site":"s${i % 100}"}}\n`
const nmapHost = (i: number) =>
  `<host><status state="up"/><address addr="10.${i >> 16}.${(i >> 8) & 255}.${i & 255}" addrtype="ipv4"/><hostnames>
<hostname name="host-${i}.corp.example" type="PTR"/></hostnames><ports>${'<port protocol="tcp" portid="22"><state state="open"/></port>'.repeat(10)}</ports></host>\n`

const documents = {
  'text/csv': { head: 'name,address,roles,labels,params,externalId\r\n', row: csvRow, tail: '' },
  'application/x-ndjson': { head: '', row: ndjsonRow, tail: '' },
  'application/nmap+xml': { head: '<nmaprun>', row: nmapHost, tail: '</nmaprun>' },
}

/** The document in pieces of a thousand rows. */
async function* pieces({ head, row, tail }: (typeof documents)['text/csv'], rows: number) {
  yield Buffer.from(head)
  for (let from = 0; from < rows; from += 1000)
    yield Buffer.from(Array.from({ length: 1000 }, (_, i) => row(from + i)).join(''))
  yield Buffer.from(tail)
}

/** The most memory that the process ever held. */
const peakMegabytes = ({ pid }: Service) =>
  (Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / megabyte

test.each(Object.entries(documents))(
  'an import of 100,000 rows of %s holds a part of them at a time',
  async (type, document) => {
    const database = await createTestDatabase()
    const service = await startServiceProcess(database.url, {
      NODE_OPTIONS: '--max-semi-space-size=2 --max-old-space-size=128',
    })
    try {
      const send = (body: AsyncIterable<Uint8Array>) =>
        service.call('/v1/targets/import', {
          method: 'POST',
          headers: { 'content-type': type },
          body,
          duplex: 'half',
        } as RequestInit)
      await send(pieces(document, 10_000)) // what any import needs
      const before = peakMegabytes(service)
      const started = performance.now()
      const response = await send(pieces(document, rows))
      const seconds = (performance.now() - started) / 1000
      expect(await response.json()).toMatchObject({ rows, created: rows - 10_000, refused: 0 })
      const growth = peakMegabytes(service) - before
      process.stdout.write(`${type}: ${Math.round(rows / seconds)} rows/s, ${Math.round(growth)} MiB more\n`)
      expect(growth).toBeLessThan(60)
    } finally {
      await service.stop()
      await database.drop()
    }
  },
)
