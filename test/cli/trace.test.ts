import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TraceResult } from '../../src/domain/traces/trace.ts'
import { portwarden } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import {
  addresses,
  families,
  type RoutedNetwork,
  setKernel,
  startRoutedNetwork,
} from '../support/peers/routed-netns.ts'
import { type Output, run } from '../support/processes.ts'

const command = portwarden('trace')
const env = { PATH: process.env.PATH, PORTWARDEN_ALLOW: '10.0.0.0/8,fd00::/8' }
const openPort = 4_000

/** How the firewalls treat ports, in the words of nft; the same for IPv4 and IPv6. */
const treatments = [
  { at: 'near', port: 1_001, verdict: 'reject with icmpx type admin-prohibited' },
  { at: 'far', port: 1_002, verdict: 'reject with icmpx type admin-prohibited' },
  { at: 'target', port: 1_003, verdict: 'reject with icmpx type port-unreachable' },
  { at: 'near', port: 1_004, verdict: 'drop' },
  { at: 'far', port: 1_005, verdict: 'drop' },
  { at: 'target', port: 1_006, verdict: 'drop' },
  { at: 'near', port: 1_007, verdict: 'reject with tcp reset' },
] as const

type Traced = Output & TraceResult & { summary: string; failure?: { code: string } }

describeWithPeers(['netns'], 'npm run trace', () => {
  let network: RoutedNetwork
  beforeAll(async () => {
    network = await startRoutedNetwork()
    for (const { at, port, verdict } of treatments)
      await network.nft(at, `add rule inet peer ${at === 'target' ? 'input' : 'forward'} tcp dport ${port} ${verdict}`)
    const program = `require('node:net').createServer().listen(${openPort}, '::', () => console.log('up'))`
    const server = network.spawn('target', [process.execPath, '-e', program])
    await once(server.stdout ?? server, 'data')
  })
  afterAll(() => network?.stop())

  const runTrace = (argv: readonly (string | number)[], more: NodeJS.ProcessEnv = {}) =>
    network.exec('client', [process.execPath, ...command, ...argv.map(String)], { env: { ...env, ...more } })
  const trace = (...argv: (string | number)[]) => traceWith({}, ...argv)
  const traceWith = async (more: NodeJS.ProcessEnv, ...argv: (string | number)[]): Promise<Traced> => {
    const output = await runTrace([...argv, '--json'], more)
    if (!output.stdout.startsWith('{')) throw new Error(`it ended with ${output.code}: ${output.stderr}`)
    return { ...output, ...JSON.parse(output.stdout) }
  }
  const hopsOf = ({ hops }: TraceResult['path']) => hops.map(({ address }) => address)

  describe.for(families)('over %s', (family) => {
    const { target, near, far, absent, loop } = addresses[family]
    const icmp = family === 'IPv4' ? 'ICMP' : 'ICMPv6'
    const beside = `Port ${openPort} is open at hop 3.`

    test.for([
      [1_001, 'near', 1],
      [1_002, 'far', 2],
    ] as const)('names the router that rejects port %i, and how far SYNs come', async ([port, at, hop]) => {
      const by = addresses[family][at]
      const { code, summary, path, comparison } = await trace(target, port, '--compare', openPort)
      expect(summary).toBe(
        `Rejected by ${by} (${icmp} administratively prohibited); SYNs reach ${by}, hop ${hop} of 3. ${beside}`,
      )
      expect(hopsOf(path)).toEqual([near, far].slice(0, hop))
      expect(path).toMatchObject({ outcome: 'rejected', rejectedBy: { address: by }, loops: false })
      expect(comparison).toMatchObject({ port: openPort, outcome: 'connected', endHop: 3 })
      expect(code).toBe(1)
    })

    test('knows no more than the least distance without a port to compare with', async () => {
      const { summary, comparison } = await trace(target, 1_002, '--compare', 1_003)
      expect(comparison).toBeNull()
      expect(summary).toBe(
        `Rejected by ${far} (${icmp} administratively prohibited); SYNs reach ${far}, hop 2 of at least 3.`,
      )
    })

    test('says that the host itself rejects', async () => {
      const { summary } = await trace(target, 1_003, '--compare', openPort)
      expect(summary).toBe(`Rejected by the host itself at hop 3 (${icmp} port unreachable). ${beside}`)
    })

    test.for([
      [1_004, [near], `SYNs reach ${near}, hop 1 of 3`],
      [1_005, [near, far], `SYNs reach ${far}, hop 2 of 3`],
      [1_006, [near, far], `SYNs reach ${far}, hop 2 of 3`],
    ] as const)('shows the last hop that SYNs to the dropped port %i reach', async ([port, hops, reach]) => {
      const { summary, path } = await trace(target, port, '--compare', openPort)
      expect(hopsOf(path)).toEqual(hops)
      expect(summary).toBe(`No response; ${reach}. ${beside}`)
    })

    test('finds out that a router resets in the name of the host', async () => {
      const { summary } = await trace(target, 1_007, '--compare', openPort)
      expect(summary).toBe(
        `Refused with a reset at hop 2. Port ${openPort} is open at hop 3, so a device before the host may reset in its name.`,
      )
    })

    test('shows the way to an open port, and exits with 0', async () => {
      const { code, summary, path } = await trace(target, openPort)
      expect([code, summary, hopsOf(path)]).toEqual([0, 'Open at hop 3.', [near, far]])
      for (const { ms } of path.hops) expect(ms).toBeGreaterThanOrEqual(0)
    })

    test('takes the message of a router about an absent host for what it is', async () => {
      const { path } = await trace(absent(7), openPort)
      expect(path).toMatchObject({ outcome: 'rejected', rejectedBy: { address: far } })
      expect(hopsOf(path)).toEqual([near, far])
    })

    test('ends in a routing loop', async () => {
      const { summary, path } = await trace(loop, 80)
      expect(path.loops).toBe(true)
      expect(summary).toContain('The path loops at ')
    })
  })

  test('keeps a router that reports nothing as a silent hop', async () => {
    const { target, far } = addresses.IPv4
    await network.nft('near', 'add chain inet peer output { type filter hook output priority 0; }')
    await network.nft('near', 'add rule inet peer output icmp type time-exceeded drop')
    const { path } = await trace(target, openPort)
    await network.nft('near', 'delete chain inet peer output')
    expect(path.hops).toMatchObject([{ hop: 1, address: null, ms: null }, { address: far }])
  })

  test('finds routers that limit the rate of ICMP errors, again and again', async () => {
    const { target, near, far } = addresses.IPv4
    for (const router of ['near', 'far'] as const)
      await setKernel(network.namespaces[router], ['ipv4/icmp_ratemask=6168', 'ipv4/icmp_ratelimit=1000'])
    for (let i = 0; i < 4; i += 1) expect(hopsOf((await trace(target, openPort)).path)).toEqual([near, far])
    for (const router of ['near', 'far'] as const) await setKernel(network.namespaces[router], ['ipv4/icmp_ratemask=0'])
  })

  test('sends no SYN to a port that the egress policy denies, not even for the comparison', async () => {
    const { target } = addresses.IPv4
    const table = 'inet watch'
    await network.nft(
      'near',
      `add table ${table}; add chain ${table} forward { type filter hook forward priority -10; }`,
    )
    await network.nft('near', `add rule ${table} forward tcp dport != 1006 counter`)
    const { comparison } = await traceWith(
      { PORTWARDEN_ALLOW: '10.0.0.0/8:1006' },
      target,
      1_006,
      '--compare',
      openPort,
    )
    const { stdout } = await network.exec('near', ['nft', 'list', 'table', 'inet', 'watch'])
    await network.nft('near', `delete table ${table}`)
    expect([comparison, stdout]).toEqual([null, expect.stringContaining('packets 0 ')])
  })

  test('prints a table of each path, and the sentence', async () => {
    const { target, near, far } = addresses.IPv4
    const { code, stdout, stderr } = await runTrace([target, 1_002, '--compare', openPort])
    expect([code, stderr]).toEqual([1, ''])
    expect(
      stdout
        .replaceAll(/(?<= )\d+\.\d(?![.\d])/g, 'MS')
        .replaceAll(/ +$/gm, '')
        .split('\n'),
    ).toEqual([
      `Port 1002 of ${target}: rejected`,
      'HOP  ADDRESS     MS',
      `1    ${near}  MS  forwards last`,
      `2    ${far}    MS  rejects`,
      '',
      `Port ${openPort} of ${target}: connected`,
      'HOP  ADDRESS     MS',
      `1    ${near}  MS`,
      `2    ${far}    MS  forwards last`,
      `3    ${target}        connected`,
      '',
      expect.stringMatching(/^Rejected by .*\.$/),
      '',
    ])
  })
})

describe('npm run trace', () => {
  const runHere = (argv: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    run(process.execPath, [...command, ...argv], { env: { ...env, ...more } })

  test.for([
    [2, ['127.0.0.1', '9'], {}, /^portwarden: The egress policy does not allow this address/],
    [
      2,
      ['10.0.0.1', '9'],
      { PORTWARDEN_CONNECTOR: 'node' },
      /^portwarden: This vantage connects without knowledge of ICMP/,
    ],
    [64, ['10.0.0.1'], {}, /^error: missing required argument 'port'/],
    [64, ['10.0.0.1', '0'], {}, /A port must be a number from 1 to 65535/],
    [64, ['10.0.0.1', '22', '--compare', '99999'], {}, /A port must be/],
    [64, ['10.1', '22'], {}, /^portwarden: the host must be/],
    [64, ['10.0.0.1', '22', '--fast'], {}, /^error: unknown option '--fast'/],
  ] as const)('exits with %i and a sentence for %j %j', async ([status, argv, more, message]) => {
    const { code, stdout, stderr } = await runHere(argv, more)
    expect([code, stdout]).toEqual([status, ''])
    expect(stderr).toMatch(message)
  })

  test('prints a failure as JSON too', async () => {
    const { code, stdout } = await runHere(['127.0.0.1', '9', '--json'])
    expect([code, JSON.parse(stdout)]).toMatchObject([2, { failure: { code: 'egress-denied' } }])
  })
})
