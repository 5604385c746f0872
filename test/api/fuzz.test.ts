import { afterAll, beforeAll, expect, test } from 'vitest'
import { operations, violationOfProblem } from '../support/fuzz/document.ts'
import { type PopulatedService, startPopulatedService } from '../support/fuzz/populated-service.ts'
import { sendRaw } from '../support/fuzz/raw.ts'
import { fuzzOperations, seed } from '../support/fuzz/run.ts'

let populated: PopulatedService
beforeAll(async () => {
  populated = await startPopulatedService()
})
afterAll(() => populated?.service.stop())

/** A sample of fuzz.slow.test.ts. */
const requests = 1_500

test(
  `no response of any operation is 5xx or deviates from the document (seed ${seed})`,
  async () => {
    const { failures, kindsNotTried } = await fuzzOperations(populated, requests)
    expect(failures).toBe('')
    expect(kindsNotTried).toEqual([])
  },
  requests * 200,
)

test('HEAD gets the response of GET, without a body; other methods and paths get problem details', async () => {
  const methods = 'HEAD GET POST PUT PATCH DELETE OPTIONS TRACE QUERY PROPFIND BREW get'.split(' ')
  const unknown =
    '/v1 /v1/ /v2/audits /v1/targets/a/b/c /v1//targets /V1/targets /.env /v1/targets;a=b /a#%ff * /%2e%2e/'.split(' ')
  const { known, keys, url } = populated
  const key = keys.admin ?? ''
  let tried = 0
  for (const path of [...new Set(operations.map((operation) => operation.path)), ...unknown]) {
    const concrete = path.replace(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(String(known.fill(`§${path.split('/')[2]}§0§`) || name)),
    )
    for (const method of methods) {
      if (operationAt(method, concrete)) continue
      const response = await sendRaw(url, { method, path: concrete, key })
      const summary = `${method} ${concrete}: ${response.status} ${response.body.slice(0, 200)}`
      const get = method === 'HEAD' && operationAt('GET', concrete)
      tried += 1
      if (get) expect([summary, response.body, `${response.status}` in get.responses]).toEqual([summary, '', true])
      else if (method === 'HEAD')
        expect([summary, response.body]).toEqual([`HEAD ${concrete}: ${unknown.includes(path) ? 404 : 405} `, ''])
      else {
        expect([summary, [400, unknown.includes(path) ? 404 : 405].includes(response.status)]).toEqual([summary, true])
        expect([summary, violationOfProblem(response)]).toEqual([summary, undefined])
      }
    }
  }
  process.stdout.write(`${tried} requests that the document does not know\n`)
})

const operationAt = (method: string, path: string) =>
  operations.find((one) => one.method === method && new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
