import { describe, expect, test } from 'vitest'
import { renderAws } from '../../../src/report/firewall/aws.ts'
import { renderCisco } from '../../../src/report/firewall/cisco.ts'
import { firewallFormats } from '../../../src/report/firewall/index.ts'
import { renderNftables } from '../../../src/report/firewall/nftables.ts'
import { renderWindows } from '../../../src/report/firewall/windows.ts'
import { readAws, readCisco, readNftables, readPowerShell } from '../../support/firewall-grammars.ts'
import { hostileTexts } from '../../support/hostile-texts.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { run } from '../../support/processes.ts'
import { change, sample, withText } from './sample.ts'

/** What configurations and shells give a meaning, beside the texts that harm displays. */
const breakouts = [
  '$(reboot)',
  '`reboot`',
  '"; flush ruleset; #',
  '\n  flush ruleset\n',
  '\rflush ruleset',
  '}\n}\nflush ruleset',
  "'; Remove-NetFirewallRule -All; '",
  '\u2019; Remove-NetFirewallRule -All; \u2018',
  '#> Remove-NetFirewallRule -All <#',
  '`\nRemove-NetFirewallRule -All',
  '\n!\nno ip access-list extended X\n',
  '\u2028permit ip any any\u0085permit ip any any',
  '?',
  '"}],"IpPermissions":[]',
  '\\',
  'x'.repeat(2_000),
  ...hostileTexts.map(({ text }) => text),
]
const namesEverything = [/PROPOSAL/, /epp version 3/, /epp-01/, /branch/, /2026-11-22T12:00:00/]

describe('a proposal', () => {
  test.each(Object.entries(firewallFormats))(
    'as %s says at its start what it is, of what, for what and when',
    (_, { render }) => {
      const head = render(sample).split('\n').slice(0, 8).join('\n')
      for (const pattern of namesEverything) expect(head).toMatch(pattern)
    },
  )

  test('as nftables allows, drops and rejects in both families', () => {
    expect(readNftables(renderNftables(sample))).toEqual([
      'ip saddr { 10.1.0.0/16, 10.9.0.1/32 } ip daddr { 10.20.0.11 } tcp dport { 443 } accept',
      'ip6 saddr { 2001:db8:1::/48 } ip6 daddr { 2001:db8::11 } tcp dport { 443 } accept',
      'ip saddr { 10.1.0.0/16, 10.9.0.1/32 } ip daddr { 10.20.0.11 } tcp dport { 22 } drop',
      'ip6 saddr { 2001:db8:1::/48 } ip6 daddr { 2001:db8::11 } tcp dport { 22 } drop',
      'ip saddr { 10.1.0.0/16, 10.9.0.1/32 } ip daddr { 10.20.0.11 } tcp dport { 135, 49152-65535 } reject with tcp reset',
      'ip saddr { 10.1.0.0/16, 10.9.0.1/32 } ip daddr { 10.20.0.11 } udp dport { 53 } reject with icmpx port-unreachable',
      'ip saddr { 10.20.0.11 } ip daddr { 10.20.0.5 } tcp dport { 389 } accept',
      'ip saddr { 10.1.0.0/16, 10.9.0.1/32 } ip daddr { 10.20.0.7 } tcp dport { 443 } accept',
    ])
  })

  test('for Windows has a command for each flow of the target that its firewall can make', () => {
    const commands = readPowerShell(renderWindows(sample))
    expect(
      commands.map(({ Action, Direction, LocalPort, RemotePort }) =>
        [Action, Direction, LocalPort ?? RemotePort].flat(),
      ),
    ).toEqual([
      ['Allow', 'Inbound', '443'],
      ['Allow', 'Inbound', '443'],
      ['Block', 'Inbound', '22'],
      ['Block', 'Inbound', '22'],
      ['Allow', 'Outbound', '389'],
    ])
    expect(commands[0]).toMatchObject({
      ...{ DisplayName: ['portwarden-epp-epp-01: https'], Group: ['portwarden-epp-epp-01'], Protocol: ['TCP'] },
      ...{ LocalAddress: ['10.20.0.11'], RemoteAddress: ['10.1.0.0/16', '10.9.0.1/32'] },
    })
    expect(commands[4]).toMatchObject({ LocalAddress: ['10.20.0.11'], RemoteAddress: ['10.20.0.5'] })
  })

  test('for Cisco has an access list for each direction and family', () => {
    expect(readCisco(renderCisco(sample))).toEqual({
      'portwarden-epp-epp-01-IN': [
        'permit tcp 10.1.0.0 0.0.255.255 host 10.20.0.11 eq 443',
        'permit tcp host 10.9.0.1 host 10.20.0.11 eq 443',
        'deny tcp 10.1.0.0 0.0.255.255 host 10.20.0.11 eq 22',
        'deny tcp host 10.9.0.1 host 10.20.0.11 eq 22',
        'permit tcp 10.1.0.0 0.0.255.255 host 10.20.0.7 eq 443',
        'permit tcp host 10.9.0.1 host 10.20.0.7 eq 443',
      ],
      'portwarden-epp-epp-01-IN6': [
        'permit tcp 2001:db8:1::/48 host 2001:db8::11 eq 443',
        'deny tcp 2001:db8:1::/48 host 2001:db8::11 eq 22',
      ],
      'portwarden-epp-epp-01-OUT': ['permit tcp host 10.20.0.11 host 10.20.0.5 eq 389'],
    })
  })

  test('for Cisco inverts masks of every length', () => {
    const lists = readCisco(
      renderCisco({ ...sample, changes: [change({ sources: ['0.0.0.0/0', '128.0.0.0/1', '10.0.0.0/30'] })] }),
    )
    expect(lists['portwarden-epp-epp-01-IN']?.map((entry) => entry.split(' host')[0])).toEqual([
      'permit tcp any',
      'permit tcp 128.0.0.0 127.255.255.255',
      'permit tcp 10.0.0.0 0.0.0.3',
    ])
  })

  test('for AWS has each permission once, and names what a security group cannot do', () => {
    const text = renderAws({
      ...sample,
      changes: [...sample.changes, change({ rules: [{ id: 'tls', title: 'TLS' }] })],
    })
    expect(readAws(text)).toMatchObject({
      IpPermissions: [
        {
          ...{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 },
          IpRanges: [{ CidrIp: '10.1.0.0/16' }, { CidrIp: '10.9.0.1/32' }],
          Ipv6Ranges: [{ CidrIpv6: '2001:db8:1::/48' }],
        },
      ],
      IpPermissionsEgress: [{ FromPort: 389, IpRanges: [{ CidrIp: '10.20.0.5/32' }] }],
    })
    expect(JSON.parse(text).Comments.filter((line: string) => line.startsWith('NOT PROPOSED'))).toHaveLength(7)
  })

  test.each(Object.entries(firewallFormats))('as %s comments out what holds inside a window alone', (_, { render }) => {
    expect(render(sample)).toMatch(/NOT PROPOSED ssh: SSH: only while an approved window is open/)
  })
})

describe.each(breakouts.map((text) => [JSON.stringify(text.slice(0, 40)), text]))(
  'names and titles with %s',
  (_, text) => {
    const hostile = withText(text)

    test('change no command of any format', () => {
      const withoutNames = (commands: ReturnType<typeof readPowerShell>) =>
        commands.map(({ DisplayName: _, Description: __, Group: ___, ...rest }) => rest)
      expect(readNftables(renderNftables(hostile))).toEqual(readNftables(renderNftables(sample)))
      expect(withoutNames(readPowerShell(renderWindows(hostile)))).toEqual(
        withoutNames(readPowerShell(renderWindows(sample))),
      )
      expect(Object.values(readCisco(renderCisco(hostile)))).toEqual(Object.values(readCisco(renderCisco(sample))))
      const ranges = (one: object) => JSON.stringify(one).replace(/"Description":"[^"]*"/g, '')
      expect(ranges(readAws(renderAws(hostile)).IpPermissions)).toBe(ranges(readAws(renderAws(sample)).IpPermissions))
    })
  },
)

describeWithPeers(['netns'], 'nft', () => {
  /** In a network namespace of its own, which ends with the command. */
  const load = (script: string, ...after: string[]) =>
    run('unshare', ['--net', 'sh', '-c', ['nft -f -', ...after].join(' && ')], { input: script })

  test('loads a proposal twice, and has its rules once', async () => {
    const script = renderNftables(sample)
    const { code, stdout, stderr } = await load(`${script}\n${script}`, 'nft list ruleset')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/ dport /g)).toHaveLength(sample.changes.length)
    expect(stdout).toContain('table inet portwarden_epp_epp_01 {')
  })

  test('checks proposals with hostile names, and sees none of them', async () => {
    const scripts = breakouts.map((text) => renderNftables(withText(text)))
    const { code, stdout, stderr } = await load(scripts.join('\n'), 'nft list ruleset')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const rules = stdout.match(/ dport /g)?.length ?? 0
    expect(rules % sample.changes.length).toBe(0)
    expect(rules).toBeGreaterThan(0)
  })

  test('takes every network, also all addresses', async () => {
    const everything = change({ sources: ['0.0.0.0/0'] })
    const six = change({ family: 'ipv6', sources: ['::/0'], destinations: ['2001:db8::11'] })
    const { code, stderr } = await load(renderNftables({ ...sample, changes: [everything, six] }))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})
