import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, startConsole, type TestConsole } from '../support/console/console.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium'], 'the lists', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole()
    const { port, close } = await listenSilently()
    for (const [name, openPort] of [
      ['epp-01', port],
      ['epp-02', 1],
    ] as const) {
      const labels = { site: name === 'epp-01' ? 'hq' : 'branch', tier: 'gold' }
      const id = await console.service.accept({
        targets: [{ name, address: '127.0.0.1', labels, params: { openPort, closedPort: 1 } }],
        correlationId: 'CHG0030001',
      })
      await console.service.ended(id)
    }
    await close()
  })
  afterAll(() => console?.stop())

  test.each(['/', '/targets'])('%s is accessible in every view', async (path) => {
    const page = await console.open(path)
    await eachView(page, path === '/' ? 'overview' : path.slice(1))
  })

  test('the overview says how many failures each policy has more than a day before', async () => {
    const { body } = await console.service.call('GET', '/v1/findings?result=fail')
    const page = await console.open('/')
    const row = page
      .getByRole('row')
      .filter({ has: page.getByRole('link', { name: 'ports' }) })
      .first()
    const [failures, change] = [row.locator('[data-label="Failures"]'), row.locator('[data-label="In 24 hours"]')]
    await expect.poll(() => change.textContent()).toBe(`+${body.items.length}`)
    await page.getByText(`${body.items.length} new failure`).waitFor()
    expect(await failures.textContent()).toBe(String(body.items.length))
  })
})
