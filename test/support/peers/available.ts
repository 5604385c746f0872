import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from 'vitest'
import { findCommand } from '../processes.ts'

interface Need {
  /** Command or absolute path of a file → the Debian package that has it. */
  packages: Record<string, string>
  root?: boolean
  /** A command that must succeed: root in a container is often not allowed everything. */
  permits?: { command: readonly [string, ...string[]]; what: string }
}

const openssl = { openssl: 'openssl' }

const needs = {
  openssh: { packages: { sshd: 'openssh-server', 'ssh-keygen': 'openssh-client', 'ssh-keyscan': 'openssh-client' } },
  exim: { packages: { exim4: 'exim4-daemon-light', ...openssl }, root: true },
  slapd: { packages: { slapd: 'slapd', slapadd: 'slapd', ...openssl } },
  'samba-ad': {
    packages: {
      samba: 'samba-ad-dc',
      'samba-tool': 'samba-common-bin',
      '/usr/share/samba/setup/provision.ldif': 'samba-ad-provision',
      '/usr/bin/python3': 'python3',
      ...openssl,
    },
    root: true,
  },
  smbd: { packages: { smbd: 'samba' }, root: true },
  'mit-kdc': { packages: { krb5kdc: 'krb5-kdc', kdb5_util: 'krb5-kdc', kinit: 'krb5-user' } },
  freetds: { packages: { tsql: 'freetds-bin' } },
  xrdp: { packages: { xrdp: 'xrdp', ...openssl }, root: true },
  'freerdp-shadow': { packages: { 'freerdp-shadow-cli': 'freerdp2-shadow-x11', Xvfb: 'xvfb' } },
  named: { packages: { named: 'bind9', dig: 'bind9-dnsutils' } },
  dnsmasq: { packages: { dnsmasq: 'dnsmasq-base' }, root: true },
  openssl: { packages: openssl },
  redis: { packages: { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools', ...openssl } },
  nginx: { packages: { nginx: 'nginx-light', ...openssl } },
  haproxy: { packages: { haproxy: 'haproxy', ...openssl } },
  stunnel: { packages: { stunnel4: 'stunnel4', ...openssl } },
  gnutls: { packages: { 'gnutls-serv': 'gnutls-bin', ...openssl } },
  dropbear: { packages: { dropbear: 'dropbear-bin', dropbearkey: 'dropbear-bin' } },
  systemd: {
    packages: {
      'systemd-analyze': 'systemd',
      '/usr/include/asm-generic/unistd.h': 'linux-libc-dev',
      '/usr/bin/python3': 'python3',
    },
  },
  pgbouncer: { packages: { pgbouncer: 'pgbouncer' } },
  postgresql: { packages: { '/usr/lib/postgresql/15/bin/pg_dump': 'postgresql-15', ...openssl } },
  '389-ds': { packages: { 'ns-slapd': '389-ds-base', ...openssl }, root: true },
  apache: { packages: { apache2: 'apache2', ...openssl } },
  netns: {
    packages: { ip: 'iproute2', nft: 'nftables' },
    root: true,
    permits: { command: ['unshare', '--net', '--mount', 'true'], what: 'making network namespaces' },
  },
  python: { packages: { '/usr/bin/python3': 'python3' } },
  'system-calls': { packages: { '/usr/bin/python3': 'python3' } },
  sslscan: { packages: { sslscan: 'sslscan' } },
  nmap: { packages: { nmap: 'nmap' } },
  ndiff: { packages: { ndiff: 'ndiff' } },
  xmllint: { packages: { xmllint: 'libxml2-utils' } },
  'nmap-readers': {
    packages: {
      '/usr/share/nmap/nmap.dtd': 'nmap-common',
      '/usr/bin/python3': 'python3',
      '/usr/lib/python3/dist-packages/nmap/nmap.py': 'python3-nmap',
      '/usr/lib/python3/dist-packages/libnmap/parser.py': 'python3-libnmap',
    },
  },
  tcpdump: { packages: { tcpdump: 'tcpdump' }, root: true },
  'ldap-utils': { packages: { ldapsearch: 'ldap-utils', ldapwhoami: 'ldap-utils' } },
  'blackbox-exporter': { packages: { 'prometheus-blackbox-exporter': 'prometheus-blackbox-exporter' } },
  curl: { packages: { curl: 'curl' } },
  zsh: { packages: { zsh: 'zsh' } },
  fish: { packages: { fish: 'fish' } },
  groff: { packages: { groff: 'groff-base' } },
  unzip: { packages: { unzip: 'unzip' } },
  'c-compilers': {
    packages: {
      'x86_64-linux-gnu-gcc': 'gcc',
      'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
      '/usr/aarch64-linux-gnu/include/sys/epoll.h': 'libc6-dev-arm64-cross',
    },
  },
  chromium: { packages: { chromium: 'chromium' } },
  promtool: { packages: { promtool: 'prometheus' } },
  prometheus: { packages: { prometheus: 'prometheus' } },
} satisfies Record<string, Need>

export type PeerKind = keyof typeof needs

/**
 * What is missing here to start these peers, as a sentence; undefined when nothing is.
 * With CI=true something missing is an error: there a skipped test would hide a missing proof.
 */
function missingPeers(...kinds: PeerKind[]): string | undefined {
  const missing = [...new Set(kinds.flatMap((kind) => missingOf(needs[kind])))]
  if (missing.length === 0) return undefined
  const sentence = `missing for ${kinds.join(', ')}: ${missing.join('; ')}`
  if (process.env.CI === 'true') throw new Error(sentence)
  return sentence
}

function missingOf(need: Need): string[] {
  const absent = Object.entries(need.packages)
    .filter(([file]) => (file.startsWith('/') ? !existsSync(file) : findCommand(file) === undefined))
    .map(([file, name]) => `${file} (Debian package ${name})`)
  if (need.root && process.getuid?.() !== 0) return [...absent, 'root']
  return absent.length === 0 && need.permits && !succeeds(need.permits.command)
    ? [`permission for ${need.permits.what}`]
    : absent
}

function succeeds([command, ...args]: readonly [string, ...string[]]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** `describe` for tests that need these peers; without them it is skipped and its title says what is missing. */
export function describeWithPeers(kinds: PeerKind[], title: string, body: () => void): void {
  const missing = missingPeers(...kinds)
  describe.skipIf(missing !== undefined)(missing === undefined ? title : `${title} [skipped, ${missing}]`, body)
}
