import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { ports } from '../support/app.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { describeWithPeers } from '../support/peers/available.ts'

const hostile = `<script>alert(1)</script> <img src=x onerror='alert(1)'> " onmouseover="alert(1)`

describeWithPeers(['chromium'], 'the pages of the set-up', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole()
    const { rules } = ports
    const changed: PolicyDocument = {
      ...ports,
      title: hostile,
      source: hostile,
      rules: [
        ...rules.slice(1),
        { ...(rules[0] as (typeof rules)[0]), id: 'added', title: hostile, rationale: hostile, remediation: hostile },
      ],
    }
    await console.service.call('PUT', '/v1/policies/ports', { body: changed })
  })
  afterAll(() => console?.stop())

  test('/policies is accessible in every view, and shows hostile texts as text', async () => {
    const page = await console.open('/policies')
    expect(await page.getByText(hostile).count()).toBe(1)
    await eachView(page, 'policies')
  })

  test('a policy shows its rules, and what differs between two versions', async () => {
    const page = await console.open('/policies/ports')
    expect(await page.getByText(hostile).count()).toBeGreaterThan(3)
    await eachView(page, 'policy')
    await page.getByRole('link', { name: 'Versions' }).click()
    await page.getByRole('link', { name: /1 rule removed, 1 rule added/ }).click()
    await settled(page)
    expect(await page.locator('.difference > h3').allTextContents()).toEqual([
      '± Policy changed: ports',
      '− Rule removed: must-be-open',
      '+ Rule added: added',
    ])
    await eachView(page, 'policy-compare')
  })
})
