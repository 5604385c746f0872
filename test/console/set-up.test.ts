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
    const { call, query } = console.service
    await call('PUT', '/v1/policies/ports', { body: changed })
    await call('PUT', '/v1/vantages/branch', { body: { zones: ['untrusted'] } })
    const audit = { policy: 'netwrix-endpoint-protector', targets: { labels: { site: 'hq' } } }
    const schedule = { name: 'nightly', cron: '30 2 * * *', timeZone: 'Asia/Tokyo', audit }
    await call('POST', '/v1/targets', { body: { name: 'epp-01', address: '127.0.0.1', labels: { site: 'hq' } } })
    expect(await call('POST', '/v1/schedules', { body: schedule })).toMatchObject({ status: 201 })
    await query(`insert into schedule_run (schedule_id, due_at, schedule, policy, outcome, reason, decided_at)
      select id, now() - make_interval(days => day), name, 'ports', outcome, '${hostile.replaceAll("'", "''")}', now()
      from schedule, (values (1, 'audit'), (2, 'missed'), (3, 'refused'), (4, 'audit')) as run (day, outcome)`)
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

  test('/vantages shows who is absent, zones without a vantage, and adds an agent', async () => {
    await console.service.query(
      "INSERT INTO vantage_absence SELECT id, now() - interval '2 days', now() - interval '1 day' FROM vantage WHERE name = 'local'",
    )
    const page = await console.open('/vantages')
    await page.getByRole('row', { name: /local.*Absent once, 1 d/ }).waitFor()
    expect(await page.getByRole('row', { name: /branch/ }).textContent()).toContain('Not started yet')
    expect(await page.getByRole('row', { name: /elsewhere/ }).textContent()).toContain('from-elsewhere')
    await eachView(page, 'vantages')
    await page.getByRole('button', { name: 'Add an agent' }).click()
    await page.getByLabel('Name of its vantage').fill('branch')
    await page.getByRole('button', { name: 'Add elsewhere' }).click()
    await page.getByRole('button', { name: /Register/ }).click()
    await page.getByText(/exists although If-None-Match/).waitFor()
    page.complaints.length = 0 // Chromium reports the 412
    await page.getByLabel('Name of its vantage').fill('second')
    await eachView(page, 'vantages-agent-name')
    await page.getByRole('button', { name: /Register/ }).click()
    const command = (await page.getByText(/PORTWARDEN_AGENT_KEY=pw_/).textContent()) ?? ''
    expect(command.split('\n')[1]).toBe(`npm run -s agent -- --server ${console.url} --vantage second`)
    await page.getByText('Waiting', { exact: true }).waitFor()
    await page.keyboard.press('Escape') // the key would be lost
    await eachView(page, 'vantages-agent')
    const key = /PORTWARDEN_AGENT_KEY=(\S+)/.exec(command)?.[1] ?? ''
    const lease = (canary: string) =>
      console.service.call('POST', '/v1/vantages/second/leases', { key, body: { version: '1.2.3', canary } })
    await lease('offline')
    await page.getByText('None of its canary endpoints responds').waitFor()
    await lease('online')
    await page.getByText('Connected as version 1.2.3. Its canary endpoints respond.').waitFor()
    await eachView(page, 'vantages-agent-connected')
    await page.getByRole('button', { name: 'Done' }).click()
    const row = page.getByRole('row', { name: /second/ })
    await row.getByText('canaries respond').waitFor()
    const { body } = await console.service.call('GET', '/v1/vantages/second')
    expect(body.zones).toEqual(['elsewhere'])
  })

  test('/vantages removes a vantage after a confirmation, and says why it cannot', async () => {
    const audit = { policy: 'netwrix-endpoint-protector', targets: ['epp-01'], vantages: ['branch'] }
    await console.service.call('POST', '/v1/schedules', { body: { name: 'weekly', cron: '@weekly', audit } })
    const { create } = console.service.stores.keys
    const agent = await create(hostile, ['vantage:branch'])
    const kept = await create('agents of two branches', ['vantage:branch', 'vantage:other'])
    const page = await console.open('/vantages')
    const remove = (name: string) =>
      page.getByRole('row', { name: RegExp(name) }).getByRole('button', { name: 'Remove' })
    expect(await remove('local').getAttribute('title')).toContain('A worker serves it')
    await remove('branch').click()
    await page.getByRole('checkbox', { name: `Revoke ${hostile}` }).waitFor()
    expect(await page.getByRole('dialog').getByRole('checkbox').count()).toBe(1)
    await page.getByRole('button', { name: 'Remove the vantage' }).click()
    await page.getByText(/these schedules name the vantage branch.*: weekly/).waitFor()
    page.complaints.length = 0 // Chromium reports the 409
    await eachView(page, 'vantages-remove')
    await console.service.call('DELETE', '/v1/schedules/weekly')
    await page.getByRole('button', { name: 'Remove the vantage' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('row', { name: /branch/ }).waitFor({ state: 'detached' })
    const statusOf = async (key: string) => (await console.service.call('GET', '/v1/me', { key })).status
    expect([await statusOf(agent), await statusOf(kept)]).toEqual([401, 200])
  })

  test('/schedules shows what became of the last days, and pauses a schedule', async () => {
    const page = await console.open('/schedules')
    await page.getByText('2 of 4 days ran, 1 refused, 1 missed').waitFor()
    await eachView(page, 'schedules')
    await page.getByRole('link', { name: 'nightly' }).click()
    await settled(page)
    await expect.poll(() => page.getByText('every day at 02:30').count()).toBe(1)
    await eachView(page, 'schedule')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    const { body } = await console.service.call('GET', '/v1/schedules/nightly')
    expect(body.enabled).toBe(false)
  })

  test('/schedules creates a schedule with its next runs and the change of the clocks, edits and removes it', async () => {
    const page = await console.open('/schedules')
    await page.getByRole('link', { name: 'Add a schedule' }).click()
    await page.getByLabel('Name').fill('weekly')
    await page.getByLabel('Policy').selectOption('netwrix-endpoint-protector')
    await page.getByLabel('Targets').fill('site=hq')
    await page.getByLabel('How often').selectOption('weekly')
    await page.getByLabel('On', { exact: true }).selectOption('Sunday')
    await page.getByLabel('At', { exact: true }).fill('02:30')
    await page.getByLabel('Time zone').fill('Europe/Berlin')
    const runs = page.getByRole('region', { name: 'Next runs' })
    await runs.getByText('Sundays at 02:30').waitFor()
    await runs.getByText(/The clocks in Europe\/Berlin change on/).waitFor()
    expect(await runs.getByRole('listitem').count()).toBe(10)
    await eachView(page, 'schedule-new')
    await page.getByLabel('How often').selectOption('custom')
    await page.getByLabel('Cron expression').fill('nonsense')
    await page.getByText('When it is due cannot be read: must be five fields of cron').waitFor()
    await page.getByLabel('Cron expression').fill('15 2 1 * *')
    await runs.getByText('on day 1 of each month at 02:15').waitFor()
    await page.getByLabel('Targets').fill('missing')
    await page.getByRole('button', { name: 'Add the schedule' }).click()
    await page.getByText('there is no target missing').waitFor()
    await page.getByLabel('Targets').fill('epp-01')
    await page.getByRole('button', { name: 'Add the schedule' }).click()
    await page.getByRole('heading', { name: 'weekly', exact: true }).waitFor()
    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByLabel('At', { exact: true }).fill('04:00')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('on day 1 of each month at 04:00').waitFor()
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Remove the schedule' }).click()
    await page.getByRole('heading', { name: 'Schedules' }).waitFor()
    expect((await console.service.call('GET', '/v1/schedules/weekly')).status).toBe(404)
  })

  test('/ledger verifies all entries, and refuses a head that it did not sign', async () => {
    const page = await console.open('/ledger')
    const verify = page.getByRole('button', { name: 'Verify the ledger' })
    await verify.click()
    await page.getByText(/Intact [0-9]+ entries, checked today/).waitFor()
    await page.locator('.ledger-content summary').first().click()
    await eachView(page, 'ledger')
    const { body } = await console.service.call('GET', '/v1/ledger/head')
    await page.getByLabel('Head of an earlier day').fill(body.head.replace(/.{8}$/, '00000000'))
    await verify.click()
    await page.getByText('was not signed by the key that it names').first().waitFor()
  })
})
