import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { portwarden } from '../support/commands.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { type Listening, listen } from '../support/listen.ts'
import { type HttpsPeer, startHttps } from '../support/peers/https.ts'
import { freePort } from '../support/ports.ts'
import { run } from '../support/processes.ts'

const command = portwarden('audit')

let dataDir: DataDir
let https: HttpsPeer
let ssh: Listening
let closed: number
beforeAll(async () => {
  dataDir = await makeDataDir()
  https = await startHttps()
  ssh = await listen(createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-x\r\n')))
  closed = await freePort()
})
afterAll(() => Promise.all([https.stop(), ssh.close(), dataDir.remove()]))

const audit = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, [...command, ...args], {
    env: { PATH: process.env.PATH, PORTWARDEN_DATA_DIR: dataDir.path, ...env },
  })
const compliant = () => ['127.0.0.1', '--param', `clientPort=${https.port}`, '--param', 'allowSelfSigned=true']

test.for([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('after %s it exits with %i, and leaves no PostgreSQL running', async ([signal, code]) => {
  const interrupted = await makeDataDir()
  const env = { PATH: process.env.PATH, PORTWARDEN_DATA_DIR: interrupted.path }
  const child = spawn(process.execPath, [...command, '127.0.0.1'], { env, stdio: 'ignore' })
  const exited = once(child, 'exit')
  await expect.poll(interrupted.postmaster, { timeout: 60_000 }).toBeDefined()
  child.kill(signal)
  expect(await exited).toEqual([code, null])
  expect(interrupted.postmaster()).toBeUndefined()
  await interrupted.remove()
})

// One story: each run finds what the one before it stored.
describe('npm run audit', { shuffle: false }, () => {
  test('exits 0 for a host that is as the policy says, prints what it found, and leaves nothing running', async () => {
    const { code, stdout, stderr } = await audit([...compliant(), '--param', `sshPort=${closed}`])
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^TARGET +RULE +VANTAGE +RESULT +EXPECTED +SEEN$/)
    expect(lines).toContainEqual(expect.stringMatching(/^127\.0\.0\.1 +client-https +local +pass +open +port \d+ open/))
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^127\.0\.0\.1 +server-certificate +local +pass +open +port \d+ open, certificate valid for \d+ days$/,
      ),
    )
    expect(lines).toContainEqual(
      expect.stringMatching(/^127\.0\.0\.1 +ssh-restricted +local +pass +closed, filtered +port \d+ closed$/),
    )
    expect(lines).toContainEqual(expect.stringMatching(/^127\.0\.0\.1 +ssh-support +zone:support +notchecked /))
    expect(stdout).toMatch(
      /^0 of 5 rules fail; 2 could not be checked in full, because no vantage is in the zones untrusted, support\.$/m,
    )
    expect(stdout).toMatch(
      /^verdict: pass {2}\(4 pass, 0 fail, 0 unknown, 0 error; 4 checked, \d+ not checked, \d+ not applicable\)$/m,
    )
    expect(stdout).toMatch(/^policy: {2}netwrix-endpoint-protector version 1, audit [0-9a-f-]{36}$/m)
    expect(stdout).not.toMatch(/drift/i)
    expect(code).toBe(0)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('exits 1 for a violation, and prints the drift since the last run', async () => {
    const { code, stdout } = await audit([...compliant(), '--param', `sshPort=${ssh.port}`])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^verdict: fail {2}\(3 pass, 1 fail,/m)
    expect(stdout).toMatch(/^127\.0\.0\.1 +ssh-restricted +local +fail +closed, filtered +port \d+ open$/m)
    expect(stdout).toMatch(/^✗ 127\.0\.0\.1: .* \(high, from local\)\n {2}The port is open, and .*\n {2}Fix: /m)
    const [, drift = ''] = stdout.split('Drift since the last audit:\n')
    expect(drift).toMatch(/^CLASS +TARGET +RULE +VANTAGE +BEFORE +AFTER/)
    const items = drift.trim().split('\n').slice(1)
    expect(items).toEqual([
      expect.stringMatching(/^regressed +127\.0\.0\.1 +ssh-restricted +local +pass \(closed\) +fail \(open\)/),
    ])
  })

  test('with --json prints one JSON document', async () => {
    const args = [...compliant(), '--param', `sshPort=${ssh.port}`, '--json']
    const { code, stdout } = await audit(args, { PORTWARDEN_PUBLIC_URL: 'https://audits.example' })
    expect(code).toBe(1)
    const { audit: ended, findings, drift } = JSON.parse(stdout)
    expect(ended).toMatchObject({ status: 'completed', verdict: 'fail', trigger: 'cli' })
    expect(findings.find(({ rule }: { rule: string }) => rule === 'ssh-restricted')).toMatchObject({
      result: 'fail',
      evidence: { probe: 'tcp', host: '127.0.0.1', port: ssh.port },
    })
    expect(drift).toEqual([])
    expect(JSON.parse(stdout).audit.url).toMatch(/^https:\/\/audits\.example\/ui\/audits\/[0-9a-f-]{36}$/)
    for (const { url, fingerprint } of findings) expect(url).toBe(`https://audits.example/ui/findings/${fingerprint}`)
  })

  test('exits 2 when nothing can be known', async () => {
    const { code, stdout } = await audit(['does-not-exist.invalid'], {
      PORTWARDEN_PUBLIC_URL: 'https://audits.example',
    })
    expect(code).toBe(2)
    expect(stdout).toMatch(/^page: {4}https:\/\/audits\.example\/ui\/audits\/[0-9a-f-]{36}$/m)
    expect(stdout).toMatch(/^verdict: inconclusive/m)
    expect(stdout).toMatch(/does-not-exist\.invalid +client-https +local +unknown +open +port 443 unresolved$/m)
  })

  test('exits 64 and stores no audit for arguments that are not valid, also concurrently', async () => {
    const wrong: [string[], RegExp][] = [
      [['--param', 'sshport=22'], /--param sshport=22: write key=value; the keys of this policy are .*clientPort/],
      [['--param', 'sshPort'], /--param sshPort: write key=value/],
      [['--param', 'sshPort=ssh'], /--param sshPort: must be a port from 1 to 65535/],
      [['--policy', 'nothing'], /there is no policy nothing/],
    ]
    await Promise.all(
      wrong.map(async ([args, message]) => {
        const said = await audit(['127.0.0.1', ...args])
        expect(said).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
        expect(said.stderr).not.toMatch(/\n {4}at /)
      }),
    )
    expect(dataDir.postmaster()).toBeUndefined()
  })
})

describe('what needs no database', () => {
  test('is refused', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /name at least one host/],
      [['127.1'], /127\.1: must be an IP address or a host name/],
      [['https://epp.example/'], /is not a range of addresses/],
      [['10.0.0.0/8'], /has more than 65536 addresses/],
      [['127.0.0.1', '--polcy', 'x'], /unknown option '--polcy'/],
      [['127.0.0.1', '--policy'], /option '--policy.*argument missing/],
      [['127.0.0.1', '--watch', '5'], /It must be a number with a unit: 30s, 5m or 1h/],
      [['127.0.0.1', '--label', 'site=hq'], /--label selects stored targets/],
      [['--targets', '/does/not/exist'], /\/does\/not\/exist: no such file or directory/],
    ]
    await Promise.all(
      wrong.map(async ([args, message]) => {
        const said = await audit(args)
        expect(said).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
        expect(said.stderr).not.toMatch(/\n {4}at /)
      }),
    )
  })

  test('a wrong setting is named, with a right one', async () => {
    const { code, stderr } = await audit(['127.0.0.1'], { PORTWARDEN_ZONES: 'Client Net' })
    expect(code).toBe(2)
    expect(stderr).toMatch(/PORTWARDEN_ZONES is not valid; a valid example: PORTWARDEN_ZONES=client,untrusted\n/)
  })

  test('--help prints the usage', async () => {
    const { code, stdout } = await audit(['--help'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: portwarden audit /)])
  })
})
