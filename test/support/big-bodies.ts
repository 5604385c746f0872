/** The largest body that most routes accept, and a little less. */
const size = 10 * 2 ** 20 - 500

const filled = (unit: string, open = '', close = ''): string =>
  open + unit.repeat(Math.floor((size - open.length - close.length) / Buffer.byteLength(unit))) + close
const numbered = (count: number, unit: (i: number) => string) => Array.from({ length: count }, (_, i) => unit(i))
const list = (items: readonly string[]) => `[${items.join()}]`

/** JSON bodies of 10 MiB for any route. */
export const jsonBodies: Record<string, () => string> = {
  'empty lists': () => filled('[],', '{"a":[', '[]]}'),
  'empty objects': () => filled('{},', '[', '{}]'),
  'many names': () => `{${numbered(700_000, (i) => `"k${i}":0`).join()}}`,
  'objects with many names': () => list(numbered(90, () => `{${numbered(9_000, (i) => `"k${i}":0`).join()}}`)),
  'one string': () => filled('a', '{"name":"', '"}'),
  'two-byte characters': () => filled('ä', '{"name":"', '"}'),
  escapes: () => filled('\\u00e9', '{"name":"', '"}'),
  backslashes: () => filled('\\\\', '{"name":"', '"}'),
  quotes: () => filled('\\"', '{"name":"', '"}'),
  'a string without an end': () => filled('\\"', '{"name":"'),
  'long strings': () => filled(`"${'\\"'.repeat(49_000)}",`, '{"name":[', '""]}'),
  'long parameters': () =>
    `{"name":"a","address":"::1","params":{${numbered(99, (i) => `"p${i}":"${'ä'.repeat(50_000)}"`).join()}}}`,
  'one number': () => filled('1', '{"name":', '}'),
  'a long fraction': () => filled('1', '{"name":0.', '}'),
  blanks: () => filled(' ', '{', '}'),
  'open lists': () => filled('['),
  'numbers in a known field': () =>
    `{${['targets', 'rules', 'zones', 'scopes', 'events', 'roles', 'items', 'observations'].map((name) => `"${name}":[${filled('1,').slice(0, 1_200_000)}1]`).join()}}`,
  nulls: () => filled('null,', '{"a":[', 'null]}'),
  'prototype keys': () => filled('{"__proto__":{"constructor":{"prototype":1}}},', '[', '{}]'),
  'almost too many values': () => `{"a":[${filled('[],').slice(0, 3 * 49_000)}[]],"b":"${'x'.repeat(1_000_000)}"}`,
  'objects in known fields': () =>
    `{${['targets', 'rules', 'zones', 'scopes', 'events', 'roles', 'items', 'observations'].map((name) => `"${name}":${list(numbered(1_100, (i) => `{"a":${i}}`))}`).join()}}`,
  'names of known fields': () =>
    `{"targets":${list(numbered(19_999, (i) => `"target-${i}"`))},"rules":["r"],"policy":"ports","name":"n","reason":"r"}`,
}

const rule = (i: number) =>
  `{"id":"r-${i}","title":"t","severity":"high","direction":"inbound","from":["client"],"probe":"tls","port":443,"expect":{"state":["open"],"tls":{"minVersion":"TLSv1.2","trusted":true}}}`

interface Body {
  method?: string
  path: string
  type?: string
  text: () => string
}

const policy = (text: () => string, type = 'application/json'): Body => ({ path: '/v1/policies/validate', type, text })
const imported = (type: string, text: () => string): Body => ({ path: '/v1/targets/import?partial=true', type, text })
const csv = (text: () => string) => imported('text/csv', text)
const ndjson = (text: () => string) => imported('application/x-ndjson', text)
const nmap = (text: () => string) => imported('application/nmap+xml', text)
const inline = (i: number) =>
  `{"name":"big-${i}","address":"10.0.${i >> 8}.${i & 255}","roles":["a","b"],"labels":{"site":"hq","tier":"x"},"params":{"sshPort":22,"note":"n"}}`

/** Bodies for one route, valid and nearly valid; of what is read row by row only as much as shows the longest turn. */
export const routedBodies: Record<string, Body> = {
  'an audit of as many new targets as it may have': {
    path: '/v1/audits',
    text: () => `{"policy":"netwrix-endpoint-protector","targets":${list(numbered(3_500, inline))}}`,
  },
  'an audit of 20,000 new targets': {
    path: '/v1/audits',
    text: () => `{"policy":"netwrix-endpoint-protector","targets":${list(numbered(20_000, inline))}}`,
  },
  'an audit with lists as parameters': {
    path: '/v1/audits',
    text: () => filled('[],', '{"policy":"netwrix-endpoint-protector","targets":["a"],"params":{"a":[', '[]]}}'),
  },
  'a target with long parameters': {
    path: '/v1/targets',
    text: () =>
      `{"name":"long","address":"::1","params":{${numbered(20, (i) => `"p${i}":"${'a'.repeat(100_000)}"`).join()}}}`,
  },
  'a policy of 500 rules': {
    ...policy(() => `{"name":"big","title":"t","rules":${list(numbered(500, rule))}}`),
    method: 'PUT',
    path: '/v1/policies/big',
  },
  'a policy with unknown fields': policy(
    () => `{"rules":${list(numbered(400, () => `{${numbered(100, (i) => `"porx${i}":1`).join()}}`))}}`,
  ),
  'a policy of lists': policy(() => `{"rules":[${'[],'.repeat(49_000)}[]]}`),
  'a policy in YAML': policy(
    () => `name: big\ntitle: t\nrules:\n${numbered(400, (i) => `- ${rule(i)}\n`).join('')}`,
    'application/yaml',
  ),
  'YAML with many lists': policy(() => `[${'[],'.repeat(24_000)}]`, 'application/yaml'),
  'YAML with many errors': policy(() => '- "\\q"\n'.repeat(20_000), 'application/yaml'),
  'YAML that is too long': policy(() => filled('#\n'), 'application/yaml'),
  'CSV with 1,900 labels': csv(() => {
    const head = `name,address,${numbered(1_900, (i) => `labels.k${i}`).join()}\n`
    return (
      head + numbered(400, (i) => `c${i},::1,${','.repeat(i % 1_900)}x${','.repeat(1_899 - (i % 1_900))}\n`).join('')
    )
  }),
  'CSV with 1,900 filled labels': csv(() => {
    const head = `name,address,${numbered(1_900, (i) => `labels.k${i}`).join()}\n`
    return head + numbered(200, (i) => `c${i},::1,${'x,'.repeat(1_899)}x\n`).join('')
  }),
  'CSV with 200,000 columns': csv(() => `name,address,${numbered(200_000, (i) => `labels.k${i}`).join()}\n`),
  'CSV of short rows': csv(() => `name,address\n${numbered(40_000, (i) => `s${i},::1\n`).join('')}`),
  'CSV of invalid rows': csv(() => `name,address\n${numbered(40_000, () => '-,-\n').join('')}`),
  'CSV with millions of empty cells': csv(() => filled(',', 'name,address\na,::1').slice(0, 8_300_000)),
  'CSV of empty rows': csv(() => `name,address\n${',\n'.repeat(300_000)}`),
  'CSV of blank lines': csv(() => filled('\n', 'name,address\n')),
  'CSV of one cell': csv(() => filled('x', 'name,address\na,')),
  'CSV of quotes': csv(() => filled('""', 'name,address\na,"')),
  'CSV of blanks': csv(() => filled(' ', 'name,address\na,')),
  'CSV of guards': csv(() => `name,address,labels.a\na,::1,"${";'=".repeat(600_000)}"\n`),
  'CSV with lists in a cell': csv(() => `name,address,params\na,::1,"[${'[],'.repeat(600_000)}[]]"\n`),
  'NDJSON of short lines': ndjson(() => numbered(40_000, (i) => `{"name":"s${i}","address":"::1"}\n`).join('')),
  'NDJSON of long lines': ndjson(() =>
    numbered(5, (i) => `{"name":"l${i}","address":"::1","params":{"a":[${'[],'.repeat(600_000)}[]]}}\n`).join(''),
  ),
  'NDJSON of long values': ndjson(() =>
    numbered(
      5,
      (i) =>
        `{"name":"l${i}","address":"::1","params":{${numbered(18, (j) => `"p${j}":"${'a'.repeat(99_000)}"`).join()}}}\n`,
    ).join(''),
  ),
  'NDJSON of empty lines': ndjson(() => '\n'.repeat(2_000_000)),
  'NDJSON without a line end': ndjson(() => filled('{')),
  'XML of hosts': nmap(
    () =>
      `<nmaprun>${numbered(60_000, (i) => `<host><status state="up"/><address addr="10.${i >> 16}.${(i >> 8) & 255}.${i & 255}" addrtype="ipv4"/><hostnames><hostname name="_x" type="PTR"/></hostnames></host>`).join('')}</nmaprun>`,
  ),
  'XML of one host again and again': nmap(() =>
    filled('<host><address addr="10.0.0.1" addrtype="ipv4"/></host>', '<nmaprun>', '</nmaprun>'),
  ),
  'XML of empty elements': nmap(() => filled('<a/>', '<nmaprun><host>', '</host></nmaprun>')),
  'XML of open elements': nmap(() => filled('<a>', '<nmaprun>')),
  'XML of attributes': nmap(() => `<nmaprun><host ${numbered(700_000, (i) => `a${i}=""`).join(' ')}/></nmaprun>`),
  'XML of one attribute': nmap(() => filled('x', '<nmaprun><host a="', '"/></nmaprun>')),
  'XML of entities': nmap(() => filled('&amp;', '<nmaprun><host a="', '"/></nmaprun>')),
  'XML of unknown entities': nmap(() => filled('&a;', '<nmaprun><host a="', '"/></nmaprun>')),
  'XML of text': nmap(() => filled('x', '<nmaprun>', '</nmaprun>')),
  'XML of brackets': nmap(() => filled('<', '<nmaprun>', '</nmaprun>')),
  'XML of one comment': nmap(() => filled('-', '<nmaprun><!--', '</nmaprun>')),
  'XML of a long type declaration': nmap(() => filled('<!ENTITY a "b">', '<!DOCTYPE nmaprun [', ']><nmaprun/>')),
}
