import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startReceiver } from '../support/receiver.ts'

const hostile = `<script>alert(1)</script> <img src=x onerror='alert(1)'> " onmouseover="alert(1)`

describeWithPeers(['chromium'], 'the pages of administrators', () => {
  let console: TestConsole
  let open: Listening
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  beforeAll(async () => {
    ;[console, open, receiver] = await Promise.all([startConsole(), listenSilently(), startReceiver()])
    const { service } = console
    const audit = async (closedPort: number) => {
      const params = { openPort: open.port, closedPort }
      const id = await service.accept({ targets: [{ name: 'epp-01', address: '127.0.0.1', params }] })
      await service.ended(id)
      return id
    }
    const first = await audit(1)
    const body = { name: 'approved', audit: first, reason: hostile }
    expect((await service.call('POST', '/v1/baselines', { body })).status).toBe(201)
    await audit(open.port)
    await service.call('POST', '/v1/keys', { body: { name: hostile, scopes: ['reports:read'] } })
  })
  afterAll(() => Promise.all([console?.stop(), open?.close(), receiver?.close()]))

  test('/baselines shows what differs, and accepts it with a reason', async () => {
    const page = await console.open('/baselines')
    await page.getByRole('link', { name: '1 regressed' }).waitFor()
    await eachView(page, 'baselines')
    await page.getByRole('link', { name: 'approved', exact: true }).click()
    await page.getByRole('checkbox', { name: 'Accept must-be-unreachable of epp-01' }).check()
    await eachView(page, 'baseline')
    await page.getByRole('button', { name: 'Accept 1 into the baseline' }).click()
    await page.getByLabel('Why it is accepted').fill('Reviewed')
    await page.getByRole('dialog').getByRole('button', { name: 'Accept into the baseline' }).click()
    await page.getByText('Nothing differs from the baseline.').waitFor()
    await page.getByRole('row', { name: /Reviewed/ }).waitFor()
    await page.goto(`${console.url}/ui/baselines`)
    await page.getByRole('button', { name: 'Set a baseline' }).click()
    await page.getByLabel('Name').fill('second')
    await page.getByLabel('Reason').fill('The new state')
    await page.getByRole('button', { name: 'Approve as baseline' }).click()
    await page.getByRole('heading', { name: 'second' }).waitFor()
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Remove baseline' }).click()
    await page.getByRole('heading', { name: 'Baselines' }).waitFor()
    expect((await console.service.call('GET', '/v1/baselines')).body.items).toHaveLength(1)
  })

  test('/keys creates a key, shows it once, and revokes it', async () => {
    const page = await console.open('/keys')
    await page.getByText(hostile).first().waitFor()
    await eachView(page, 'keys')
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByLabel('What it is for').fill('ticket system')
    await page.getByRole('checkbox', { name: /audits:run/ }).check()
    await page.getByLabel('Limited to').fill('team=blue')
    await eachView(page, 'key-new')
    await page.getByRole('button', { name: 'Create key' }).click()
    const secret = await page.getByText(/^pw_/).innerText()
    await page.getByRole('button', { name: 'Close' }).click()
    expect(await page.getByText(secret).count()).toBe(0)
    const { status, body } = await console.service.call('GET', '/v1/me', { key: secret })
    expect([status, body.targets]).toEqual([200, { labels: { team: 'blue' } }])
    await page.getByRole('button', { name: 'Revoke ticket system' }).click()
    await page.getByLabel('Why it is revoked').fill('Not needed')
    await page.getByRole('button', { name: 'Revoke key' }).click()
    await page.getByRole('row', { name: /ticket system.*revoked/ }).waitFor()
    expect((await console.service.call('GET', '/v1/me', { key: secret })).status).toBe(401)
  })

  test('/keys lists sessions and ends one, after a step-up where the sign-in is old', async () => {
    const other = await console.service.stores.keys.create('Bob', ['reports:read'])
    await console.open('/parts', { key: other })
    const page = await console.open('/keys?show=sessions')
    await page
      .getByRole('row', { name: /this browser/ })
      .first()
      .waitFor()
    await eachView(page, 'sessions')
    await console.service.query("UPDATE session SET signed_in_at = now() - interval '20 minutes'")
    await page.getByRole('button', { name: 'End the session of Bob' }).click()
    await page.getByRole('button', { name: 'End session' }).click()
    await page.getByRole('heading', { name: 'Confirm who you are' }).waitFor()
    await page.getByLabel('Key', { exact: true }).fill(console.service.key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'End the session of Bob' }).waitFor({ state: 'detached' })
  })

  test('/keys and /webhooks say to others that they are for administrators', async () => {
    const key = await console.service.stores.keys.create('reader', ['reports:read'])
    const page = await console.open('/keys', { key })
    await page.getByText('Only administrators see keys').waitFor()
    await page.goto(`${console.url}/ui/webhooks`)
    await page.getByText('Only administrators see webhooks').waitFor()
    expect(page.complaints).toEqual([])
  })

  test('/webhooks creates one, shows its secret once, pings it, and rotates the secret', async () => {
    const page = await console.open('/webhooks')
    await page.getByRole('button', { name: 'Create a webhook' }).click()
    await page.getByLabel('URL').fill(receiver.url)
    await page.getByLabel('Description').fill(hostile)
    await eachView(page, 'webhook-new')
    await page.getByRole('button', { name: 'Create webhook' }).click()
    await page.getByText(/^whsec_/).waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    await settled(page)
    await page.getByRole('button', { name: 'Ping' }).click()
    await page.getByText('A ping is on its way.').waitFor()
    await page.getByRole('row', { name: /ping.*Delivered/ }).waitFor() // by itself
    await eachView(page, 'webhook')
    await page.getByRole('button', { name: 'Rotate secret' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click()
    await page.getByText(/^whsec_/).waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Least severity').selectOption('high')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Least severity').waitFor()
    await page.goto(`${console.url}/ui/webhooks`)
    await page.getByText(hostile).waitFor()
    await eachView(page, 'webhooks')
  })

  test('a dead letter is delivered again', async () => {
    const { items } = (await console.service.call('GET', '/v1/webhooks')).body
    const { id } = items.find(({ description }: { description: string | null }) => description === hostile)
    await console.service.query("UPDATE webhook_delivery SET status = 'dead', attempts = 9, error = 'refused'")
    const page = await console.open(`/webhooks/${id}?status=dead`)
    await page
      .getByRole('button', { name: /Redeliver ping/ })
      .first()
      .click()
    await page.getByText('The delivery is tried again.').waitFor()
    expect(page.complaints).toEqual([])
  })
})
