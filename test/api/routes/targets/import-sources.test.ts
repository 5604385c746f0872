import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun } from '../../../support/processes.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())
beforeEach(() => service.query('TRUNCATE target'))

const send = async (type: string, payload: string | Buffer, query = '') => {
  const headers = { authorization: `Bearer ${service.key}`, 'content-type': type }
  const response = await service.server.inject({
    method: 'POST',
    url: `/v1/targets/import${query}`,
    headers,
    payload,
  })
  return { status: response.statusCode, body: response.json() }
}
const csv = (text: string | Buffer, query?: string) => send('text/csv', text, query)
const nmap = (text: string, query?: string) => send('application/nmap+xml', text, query)
interface Saved {
  name: string
  address: string
  roles: string[]
  labels: Record<string, string>
  params: Record<string, unknown>
  externalId: string | null
}
const saved = async () => (await service.walk('/v1/targets')).flat() as Saved[]
const addresses = async () => Object.fromEntries((await saved()).map(({ name, address }) => [name, address]))
const details = ({ notes = [] }: { notes?: { detail: string }[] }) => notes.map(({ detail }) => detail)

describe('CSV as spreadsheets write it', () => {
  test.each<[string, string | Buffer, RegExp[]]>([
    ['semicolons', 'name;address;labels.site\r\na;10.0.0.1;hq\r\n', [/^cells are separated by semicolons$/]],
    [
      'empty rows first',
      ';;;\r\n;;;\r\nname;address;labels.site\r\na;10.0.0.1;hq\r\n',
      [/^cells are separated by semicolons$/, /^a row without any value/],
    ],
    ['tabs', 'name\taddress\tlabels.site\na\t10.0.0.1\thq\n', [/^cells are separated by tabs$/]],
    ['sep=', 'sep=;\r\nname;address;labels.site\r\na;10.0.0.1;hq\r\n', [/semicolons/]],
    ['sep= of its own', '\uFEFFsep=|\r\nname|address|labels.site\r\na|10.0.0.1|hq\r\n', [/separated by \|/]],
    ['sep= with commas', 'sep=,\r\nname,address,labels.site\r\na,10.0.0.1,hq\r\n', []],
    ['a byte order mark', '\uFEFFname,address,labels.site\r\na,10.0.0.1,hq\r\n', []],
    ['UTF-16', Buffer.from('\uFEFFname\taddress\tlabels.site\r\na\t10.0.0.1\thq\r\n', 'utf16le'), [/UTF-16LE/, /tabs/]],
    ['UTF-16, the other', Buffer.from('\uFEFFname,address,labels.site\na,10.0.0.1,hq\n', 'utf16le').swap16(), [/16BE/]],
    ['empty columns', 'name,address,labels.site,,\r\na,10.0.0.1,hq,,\r\n', [/^a column without a name is left out/]],
    ['empty rows', 'name,address,labels.site\r\n,,\r\na,10.0.0.1,hq\r\n,,\r\n  ,,\r\n', [/^a row without any value/]],
    ['empty rows before', ',,\r\nname,address,labels.site\r\na,10.0.0.1,hq\r\n', [/^a row without any value/]],
    ['empty cells after the last column', 'name,address,labels.site\na,10.0.0.1,hq,,,\n', [/^empty cells at the end/]],
    ['blanks around cells', 'name , address,labels.site\n a,\t10.0.0.1 ,hq \n', [/^blanks around a cell/]],
    ['capital letters', 'Name,ADDRESS,labels.site\na,10.0.0.1,hq\n', [/Name is read as name/, /ADDRESS is read as/]],
    [
      'capital letters of labels',
      'name,address,Labels.site\na,10.0.0.1,hq\n',
      [/Labels\.site is read as labels\.site/],
    ],
    ['a short row', 'name,address,labels.site,,\na,10.0.0.1,hq\n', [/^a column without a name is left out/]],
    ['carriage returns', 'name,address,labels.site\ra,10.0.0.1,hq\r', []],
  ])('is read with %s, and the response says what was assumed', async (_, text, notes) => {
    const { status, body } = await csv(text)
    expect([status, body.rows, body.created]).toEqual([200, 1, 1])
    expect(details(body)).toEqual(notes.map((note) => expect.stringMatching(note)))
    expect(await saved()).toMatchObject([{ name: 'a', address: '10.0.0.1', labels: { site: 'hq' } }])
  })

  test('lists each note with its first line and its number', async () => {
    const { body } = await csv('sep=;\nname;address;\n;;\na;10.0.0.1;\n;;\n')
    expect(body.notes).toEqual([
      { line: 1, detail: 'cells are separated by semicolons', count: 1 },
      { line: 2, detail: 'a column without a name is left out: its cells must be empty', count: 1 },
      { line: 3, detail: 'a row without any value is not a target', count: 2 },
    ])
  })

  test('keeps separators of lines and paragraphs', async () => {
    const { status } = await csv('name,address,labels.site\na,10.0.0.1,h\u2028q\u2029\n')
    expect([status, await saved()]).toMatchObject([200, [{ labels: { site: 'h\u2028q\u2029' } }]])
  })

  test('keeps blanks inside quotes', async () => {
    await csv('name,address,labels.site\na,10.0.0.1,"  hq "\n')
    expect(await saved()).toMatchObject([{ labels: { site: '  hq ' } }])
  })

  test.each([
    ['a value without a column', 'name,address,\na,10.0.0.1,x\n', 2, /has a value in column 3, which has no name/],
    ['a cell too many', 'name,address\na,10.0.0.1,,x\n', 2, /has 4 cells, and the first line has 2: .* needs quotes/],
    ['an address with a zone', 'name,address\na,fe80::1%eth0\n', 2, /without a zone such as %eth0/],
    [
      'a cell too few',
      'sep=;\nname;address;externalId\na;10.0.0.1\n',
      3,
      /has 2 cells, and the first line has 3: the cell of externalId is missing/,
    ],
    ['a row of other separators', 'name,address\na;10.0.0.1\n', 2, /has 1 cell, .* 2: it is separated by semicolons/],
    ['a cell too many at the end', `name,address\na,10.0.0.1${','.repeat(20_000)}\n`, 2, /more than 16384 cells/],
    ['a column twice', 'name,Name,address\na,b,10.0.0.1\n', 1, /the column name is there twice/],
    ['other separators', 'sep=;\nname,address\na,10.0.0.1\n', 2, /separated by semicolons here/],
  ])('is refused where it is ambiguous: %s', async (_, text, line, detail) => {
    const { status, body } = await csv(text)
    expect([status, body.errors]).toMatchObject([422, [{ line, detail: expect.stringMatching(detail) }]])
    expect(await saved()).toEqual([])
  })
})

describe('an export and an import of CSV are inverses', () => {
  const nasty = fc.string({ unit: fc.constantFrom(...'\'=+-@;,\t\r\n" \\a\uFF1D\uFF0Bä😀{[') })
  const plain = fc.string({ unit: 'grapheme' }).filter((text) => /^[^\p{Cc}\u202a-\u202e\u2066-\u2069]*$/u.test(text))
  const text = fc.oneof(nasty, plain).map((value) => [...value].slice(0, 90).join(''))
  const key = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,20}$/).filter((name) => name !== '__proto__')
  const target = fc.record({
    address: fc.constant('10.0.0.1'),
    roles: fc.uniqueArray(
      text.filter((role) => role !== ''),
      { maxLength: 3 },
    ),
    labels: fc.dictionary(key, text, { maxKeys: 3, noNullPrototype: true }),
    params: fc.dictionary(fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,9}$/), fc.oneof(text, fc.boolean(), fc.integer()), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    externalId: fc.oneof(
      fc.constant(null),
      text.filter((id) => id !== ''),
    ),
  })
  const exported = async () => {
    const headers = { authorization: `Bearer ${service.key}` }
    return (await service.server.inject({ url: '/v1/targets?format=csv', headers })).body
  }
  const withoutTimes = (targets: Saved[]) =>
    targets.map(({ name, address, roles, labels, params, externalId }) => ({
      ...{ name, address, roles, labels, params, externalId },
    }))

  test('for every value', async () => {
    const [given = []] = fc.sample(fc.array(target, { minLength: 400, maxLength: 400 }), { numRuns: 1, seed: 13 })
    const apostrophes = ["'=x", "''=x", "'", "'x", '=x', ";'=x", ";=x;''+y", "\t'=", "'\t=", ' x ', '"', '\r\n=']
    const more = apostrophes.map((externalId) => ({
      ...{ address: '10.0.0.1', roles: [externalId], labels: { constructor: externalId } },
      ...{ params: { note: externalId }, externalId },
    }))
    const rows = [...given, ...more].map((one, i) => ({ name: `t${i}`, ...one }))
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    expect((await send('application/x-ndjson', lines)).body).toMatchObject({ created: rows.length })
    const before = withoutTimes(await saved())
    expect(before.toSorted((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)))).toEqual(rows)
    const text = await exported()
    expect((await csv(text)).body).toEqual({
      ...{ rows: rows.length, created: 0, updated: 0, unchanged: rows.length, refused: 0, errors: [] },
      changes: [],
    })
    await service.query('TRUNCATE target')
    expect((await csv(text)).body).toMatchObject({ created: rows.length })
    expect(withoutTimes(await saved())).toEqual(before)
    expect((await exported()).replace(/[^,]*,[^,]*\r\n/g, '\r\n')).toBe(text.replace(/[^,]*,[^,]*\r\n/g, '\r\n'))
  })

  test('also for the longest value', async () => {
    const params = { note: '"\\=;'.repeat(25_000) }
    await service.call('POST', '/v1/targets', { body: { name: 'a', address: '10.0.0.1', params } })
    expect((await csv(await exported())).body).toMatchObject({ rows: 1, unchanged: 1 })
  })

  test.each(['\u0000', '\uD800', 'a\uDC00'])('and refuses what no text may hold: %j', async (value) => {
    const row = JSON.stringify({ name: 'a', address: '10.0.0.1', externalId: value })
    expect((await send('application/x-ndjson', row)).body.errors).toMatchObject([{ pointer: '/externalId' }])
    const cell = JSON.stringify({ note: value }).replaceAll('"', '""')
    expect((await csv(`name,address,params\na,10.0.0.1,"${cell}"\n`)).body.errors).toMatchObject([
      { pointer: '/params/note' },
    ])
    expect(await saved()).toEqual([])
  })

  test('an empty external id is none', async () => {
    const body = { name: 'a', address: '10.0.0.1', externalId: '' }
    expect((await service.call('POST', '/v1/targets', { body })).status).toBe(400)
  })
})

const host = (address: string, { names = '', state = '<status state="up" reason="arp-response"/>' } = {}) => {
  const type = address.includes(':') ? 'ipv6' : 'ipv4'
  return `<host starttime="1">${state}\n<address addr="${address}" addrtype="${type}"/>\n<hostnames>\n${names}</hostnames>\n</host>\n`
}
const user = (name: string) => `<hostname name="${name}" type="user"/>\n`
const ptr = (name: string) => `<hostname name="${name}" type="PTR"/>\n`
const scan = (...hosts: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap">\n${hosts.join('')}<runstats/>\n</nmaprun>\n`

describe('a scan of a real network', () => {
  test('names a target by its address where the PTR name cannot be used, and says so', async () => {
    const { status, body } = await nmap(scan(host('192.168.1.1', { names: ptr('_gateway') }), host('192.168.1.2')))
    expect([status, body.created, details(body)]).toEqual([
      ...[200, 2, [expect.stringMatching(/^the name _gateway cannot be the name of a target: .*192\.168\.1\.1$/)]],
    ])
    expect(await addresses()).toEqual({ '192.168.1.1': '192.168.1.1', '192.168.1.2': '192.168.1.2' })
  })

  test('never names a target by the address of another host', async () => {
    const { body } = await nmap(scan(host('10.0.0.1', { names: ptr('10.0.0.2') }), host('10.0.0.2')))
    expect([body.created, details(body)]).toEqual([2, [expect.stringMatching(/^the name 10\.0\.0\.2 is an address/)]])
    expect(await addresses()).toEqual({ '10.0.0.1': '10.0.0.1', '10.0.0.2': '10.0.0.2' })
  })

  test('gives the second address of a name its own target', async () => {
    const names = user('epp.test')
    const { body } = await nmap(scan(host('10.0.0.1', { names }), host('fd00::1', { names })))
    expect([body.created, details(body)]).toEqual([2, [expect.stringMatching(/belongs to 10\.0\.0\.1 already/)]])
    expect(await addresses()).toEqual({ 'epp.test': '10.0.0.1', 'fd00::1': 'fd00::1' })
    expect((await nmap(scan(host('10.0.0.1', { names }), host('fd00::1', { names })))).body.unchanged).toBe(2)
  })

  test('by masscan has an element for each port, which become one target', async () => {
    const port = (address: string, port: number) =>
      `<host endtime="1764450000"><address addr="${address}" addrtype="ipv4"/><ports><port protocol="tcp" portid="${port}"><state state="open" reason="syn-ack" reason_ttl="64"/></port></ports></host>\n`
    const text = `<?xml version="1.0"?>\n<!-- masscan v1.0 scan -->\n<nmaprun scanner="masscan" start="1764450000" version="1.0-BETA"  xmloutputversion="1.03">\n<scaninfo type="syn" protocol="tcp" />\n${port('10.0.0.1', 22)}${port('10.0.0.2', 22)}${port('10.0.0.1', 443)}${port('10.0.0.1', 80)}<runstats>\n<finished time="1" timestr="x" elapsed="12" />\n<hosts up="2" down="0" total="2" />\n</runstats>\n</nmaprun>\n`
    const { status, body } = await nmap(text)
    expect([status, body.rows, body.created]).toEqual([200, 2, 2])
    expect(body.notes).toEqual([
      { line: 7, count: 2, detail: 'the host 10.0.0.1 is there again: it becomes one target' },
    ])
  })

  test('lists the hosts that it passes over, with the reason', async () => {
    const state = '<status state="down" reason="no-response"/>'
    const { body } = await nmap(scan(host('10.0.0.1'), host('10.0.0.2', { state })))
    expect(body).toMatchObject({
      ...{ rows: 1, created: 1 },
      notes: [{ line: 9, detail: 'the host 10.0.0.2 is passed over: its state is down' }],
    })
  })

  test('is refused no further than one host goes', async () => {
    const { status, body } = await nmap(scan(host('10.0.0.1'), host('x')), '?partial=true')
    expect([status, body.created, body.refused, body.errors[0].line]).toEqual([200, 1, 1, 9])
  })

  test('lists the first hundred notes and counts the others', async () => {
    const names = ptr('_x')
    const { body } = await nmap(scan(...Array.from({ length: 103 }, (_, i) => host(`10.0.0.${i}`, { names }))))
    expect([body.created, body.notes.length, body.omittedNotes]).toEqual([103, 100, 3])
  })

  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'may have attributes and elements named %s',
    async (name) => {
      const text = scan(
        `<host ${name}="1"><${name} ${name}="x"/><address ${name}="1" addr="10.0.0.1" addrtype="ipv4"/></host>`,
      )
      expect(await nmap(text)).toMatchObject({ status: 200, body: { created: 1 } })
      const entity = scan(host('10.0.0.1', { names: user(`&${name};`) }))
      expect(await nmap(entity)).toMatchObject({ status: 200, body: { unchanged: 1 } })
      expect((await csv(`name,address,labels.${name}\nb,10.0.0.1,x\n`)).status).toBe(name === '__proto__' ? 422 : 200)
    },
  )
})

describeWithPeers(['nmap'], 'what nmap writes', () => {
  test('of a list scan becomes targets, each address once', async () => {
    const xml = await mustRun('nmap', ['-n', '-sL', '-oX', '-', '127.0.0.0/30', '127.0.0.1'])
    const { status, body } = await nmap(xml)
    expect([status, body.rows, body.created]).toEqual([200, 4, 4])
    expect(details(body)).toEqual(['the host 127.0.0.1 is there again: it becomes one target'])
  })

  test('of a name and its address becomes a target for each', async () => {
    const xml = await mustRun('nmap', ['-n', '-sn', '-oX', '-', 'localhost', '127.0.0.1'])
    expect(await nmap(xml)).toMatchObject({ status: 200, body: { created: 2 } })
    const { status, body } = await nmap(xml + xml) // as --append-output leaves a file
    expect([status, body.detail]).toEqual([422, expect.stringContaining('nmap --append-output holds several scans')])
    expect(await addresses()).toEqual({ localhost: '127.0.0.1', '127.0.0.1': '127.0.0.1' })
  })
})
