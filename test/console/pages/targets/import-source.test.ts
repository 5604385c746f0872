import { expect, test } from 'vitest'
import { readImport } from '../../../../src/console/pages/targets/import-source.ts'

const read = async (text: string, name?: string) => {
  const { type, data } = await readImport(name === undefined ? new Blob([text]) : new File([text], name))
  return [type, typeof data === 'string' ? data : await data.text()]
}

test.each([
  ['name,address\r\na,::1', undefined, 'text/csv'],
  ['[x],address\r\na,::1', 'targets.csv', 'text/csv'],
  ['\uFEFF<?xml version="1.0"?><nmaprun/>', 'scan.xml', 'application/xml'],
  ['{"name":"a"}\n{"name":"b"}\n', 'targets.ndjson', 'application/x-ndjson'],
])('%j of the file %s is sent as it is, as %3$s', async (text, name, type) => {
  const [readAs, data] = await read(text, name)
  expect([readAs, data?.replace(/^\uFEFF/, '')]).toEqual([type, text.replace(/^\uFEFF/, '')])
})

test.each([
  ['an array', '[\n{"name": "a"},\n{"name": "b"}\n]', undefined],
  ['an export', '{"items": [{"name": "a"}, {"name": "b"}], "next": null}', 'targets.json'],
])('JSON with %s becomes a line for each target', async (_, text, name) => {
  expect(await read(text, name)).toEqual(['application/x-ndjson', '{"name":"a"}\n{"name":"b"}\n'])
})

test('what is not JSON is refused', async () => {
  await expect(read('[{', undefined)).rejects.toThrow(SyntaxError)
})
