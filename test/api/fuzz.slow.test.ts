import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PopulatedService, startPopulatedService } from '../support/fuzz/populated-service.ts'
import { fuzzOperations, seed } from '../support/fuzz/run.ts'

/** With fewer than 100 for each operation not all of them succeed by chance. */
const requests = Number(process.env.PORTWARDEN_FUZZ_REQUESTS ?? 10_000)

/** Their input must fit one lease of one vantage, which is rare; the tests of their routes cover them. */
const isRarelyValid = (name: string) =>
  /\/leases\/\{id\}\/|\/vantages\/\{name\}\/(traces|discoveries)\/\{id\}$/.test(name) || name === 'GET /v1/events'

let populated: PopulatedService
beforeAll(async () => {
  populated = await startPopulatedService()
})
afterAll(() => populated?.service.stop())

test(
  `no response of any operation is 5xx or deviates from the document, and each operation succeeds (seed ${seed})`,
  async () => {
    const { failures, neverSuccessful, kindsNotTried } = await fuzzOperations(populated, requests)
    expect(failures).toBe('')
    expect(neverSuccessful.filter((name) => !isRarelyValid(name))).toEqual([])
    expect(kindsNotTried).toEqual([])
  },
  requests * 60,
)
