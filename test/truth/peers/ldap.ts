import { start389Ds } from '../../support/peers/389-ds.ts'
import { type AccountState, startSambaAd } from '../../support/peers/samba-ad.ts'
import { type SlapdOptions, startSlapd } from '../../support/peers/slapd.ts'
import type { Certificates } from '../certificates.ts'
import type { Listener } from '../row.ts'
import { perConfiguration } from './running.ts'

const slapd: Record<string, (certificates: Certificates) => SlapdOptions> = {
  default: () => ({}),
  'simple_bind-128': () => ({ requireTls: true }),
  'ssf-128': () => ({ extra: 'security ssf=128' }),
  'tls-128': () => ({ extra: 'security tls=128' }),
  'no-anonymous': () => ({ disallowAnonymous: true }),
  'require-authc': () => ({ extra: 'require authc' }),
  'no-tls': () => ({ tls: false }),
  expired: ({ named }) => ({ certificate: named.expired }),
  'other-ca': ({ named }) => ({ certificate: named['other-ca'] }),
  'name-only': ({ named }) => ({ certificate: named['name-only'] }),
  'must-staple': ({ named }) => ({ certificate: named['must-staple'] }),
  'client-certificate': () => ({ extra: 'TLSVerifyClient demand' }),
  'client-certificate-optional': () => ({ extra: 'TLSVerifyClient try' }),
  // One demands TLS, the one with the accounts does not.
  'two-databases': () => ({
    extra: 'moduleload back_null\ndatabase null\nsuffix dc=strict\nsecurity simple_bind=128',
  }),
}

const directoryServer: Record<string, readonly string[]> = {
  default: [],
  'secure-binds': ['nsslapd-require-secure-binds: on'],
  'minssf-128': ['nsslapd-minssf: 128'],
  'minssf-128-not-rootdse': ['nsslapd-minssf: 128', 'nsslapd-minssf-exclude-rootdse: on'],
  'no-anonymous': ['nsslapd-allow-anonymous-access: off'],
  'rootdse-only': ['nsslapd-allow-anonymous-access: rootdse'],
}

let accounts = 0

/** A credential of its own for each listener, because a refused one is not sent again. */
function accountOf(user: string, password: string): NonNullable<Listener['account']> {
  accounts += 1
  return { user, password, ref: `env:TRUTH_${accounts}` }
}

/** The account of a directory with what the site makes of it: `wrong` is its password, `unknown` its name. */
function accountFor(site: string, user: string, password: string) {
  const unknown = user.includes('=') ? user.replace('=', '=not-') : `not-${user}`
  return accountOf(site === 'unknown' ? unknown : user, site === 'wrong' ? 'not this one' : password)
}

export const ldapPeers = {
  slapd: perConfiguration(
    ['slapd'],
    (name, certificates) => startSlapd({ ...slapd[name]?.(certificates) }),
    ({ host, port, ldapsPort, users, ca, caPath }, site, certificates) => {
      const trusted = site.account === 'truth' ? certificates.root : { ca, caPath }
      const { dn = '', password = '' } = users[0] ?? {}
      const at = { host, address: host, port: site.port === 'ldaps' ? ldapsPort : port }
      return { ...at, ...{ ca: trusted.ca, caPath: trusted.caPath }, account: accountFor(site.account, dn, password) }
    },
  ),
  '389-ds': perConfiguration(
    ['389-ds'],
    (name) => start389Ds({ config: directoryServer[name] }),
    ({ host, port, ldapsPort, admin, ca, caPath }, site) => {
      const at = { host, address: host, port: site.port === 'ldaps' ? ldapsPort : port }
      return { ...at, ca, caPath, account: accountFor(site.account, admin.dn, admin.password) }
    },
  ),
  'Samba AD': perConfiguration(
    ['samba-ad'],
    (name) => startSambaAd({ strongAuth: name as 'yes' }),
    ({ host, ports, accounts, ca, caPath }, site) => {
      const { principal, password } = accounts[site.account as AccountState] ?? accounts.good
      const port = ports[site.port as keyof typeof ports]
      return { host, address: host, port, ca, caPath, account: accountFor(site.account, principal, password) }
    },
  ),
}
