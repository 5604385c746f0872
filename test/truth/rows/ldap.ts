import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { ldapBinds, ldapChannelWorks, ldapIsAd, ldapRefusesClearBind, ldapResponds } from '../oracles/ldap.ts'
import type { PeerName } from '../peers/index.ts'
import type { Claim, Oracle, Row } from '../row.ts'

const row = (
  text: string,
  at: [peer: PeerName, site: string],
  claim: Claim,
  oracle: Oracle,
  reason?: ReasonCode,
): Row => {
  const [peer, site] = at
  return { case: text, peer, site, claim, oracle, verdict: reason ? 'fail' : 'pass', reason }
}

const directory: Claim = { builtIn: 'ad-ldap', params: { directory: 'any' } }
const activeDirectory: Claim = { builtIn: 'ad-ldap' }
const clearBind: Claim = { probe: 'ldap', expect: { ldap: { plainBind: 'refused' } } }
const bind: Claim = { builtIn: 'ad-ldap-bind' }
const channel = (name: string): Claim => ({
  probe: 'ldap',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
  expect: { ldap: { security: [name], trustedCa: '${trustedCa}' } },
})

type Case = [site: string, reason?: ReasonCode]

const responds = (peer: PeerName, sites: readonly string[]) =>
  sites.map((site) =>
    row(
      'LDAP: the directory responds',
      [peer, site],
      directory,
      ldapResponds(/(ldaps|Tls)$/.test(site) ? 'ldaps' : 'plain'),
    ),
  )
const refusesClearBind = (peer: PeerName, cases: readonly Case[]) =>
  cases.map(([site, reason]) =>
    row('LDAP: a bind in clear is refused', [peer, site], clearBind, ldapRefusesClearBind, reason),
  )
const binds = (peer: PeerName, via: 'starttls' | 'ldaps', cases: readonly Case[]) =>
  cases.map(([site, reason]) => row(`LDAP bind: over ${via}`, [peer, site], bind, ldapBinds(via), reason))
const notAd = (peer: PeerName, site: string, via: 'plain' | 'ldaps') =>
  row(
    'LDAP: the directory is Active Directory',
    [peer, site],
    activeDirectory,
    ldapIsAd(via),
    'ldap-not-active-directory',
  )
const offers = (peer: PeerName, via: 'starttls' | 'ldaps', cases: readonly Case[]) =>
  cases.map(([site, reason]) =>
    row(`LDAP: ${via} works and verifies`, [peer, site], channel(via), ldapChannelWorks(via), reason),
  )

/** The states of an account, and why Active Directory refuses its right password. */
const accountStates: Case[] = [
  ['good'],
  ['disabled', 'ldap-account-disabled'],
  ['locked', 'ldap-account-locked'],
  ['expired', 'ldap-account-expired'],
  ['mustChange', 'ldap-password-must-change'],
  ['outsideHours', 'ldap-logon-hours'],
  ['otherWorkstation', 'ldap-workstation-not-allowed'],
  ['passwordExpired', 'ldap-password-expired'],
  ['wrong', 'ldap-invalid-credentials'],
  ['unknown', 'ldap-invalid-credentials'],
]
const adAccounts = (port: string): Case[] => accountStates.map(([state, reason]) => [`yes:${port}:${state}`, reason])

export const ldapRows: readonly Row[] = [
  ...responds('slapd', [
    'default:ldap',
    'default:ldaps',
    'no-tls:ldap',
    'no-anonymous:ldap',
    'require-authc:ldap',
    'ssf-128:ldap',
  ]),
  ...responds('389-ds', ['default:ldap', 'default:ldaps', 'no-anonymous:ldap', 'minssf-128:ldap', 'rootdse-only:ldap']),
  ...responds('Samba AD', ['yes:ldap', 'yes:ldaps', 'yes:globalCatalog', 'yes:globalCatalogTls']),
  row('LDAP: a web server responds', ['nginx', 'clear-200'], directory, ldapResponds('plain'), 'ldap-no-response'),
  row('LDAP: an SSH server responds', ['OpenSSH', 'default'], directory, ldapResponds('plain'), 'ldap-no-response'),
  notAd('slapd', 'default:ldap', 'plain'),
  notAd('389-ds', 'default:ldap', 'plain'),
  ...(['ldap', 'ldaps', 'globalCatalog', 'globalCatalogTls'] as const).map((port) => {
    const via = port === 'ldaps' || port === 'globalCatalogTls' ? 'ldaps' : 'plain'
    return row(`LDAP: Active Directory on port ${port}`, ['Samba AD', `yes:${port}`], activeDirectory, ldapIsAd(via))
  }),
  ...refusesClearBind('slapd', [
    ['default:ldap', 'ldap-plain-bind-allowed'],
    ['no-anonymous:ldap', 'ldap-plain-bind-allowed'],
    ['two-databases:ldap', 'ldap-plain-bind-allowed'],
    ['simple_bind-128:ldap'],
    ['ssf-128:ldap'],
    ['tls-128:ldap'],
  ]),
  ...refusesClearBind('389-ds', [
    ['default:ldap', 'ldap-plain-bind-allowed'],
    ['secure-binds:ldap'],
    ['minssf-128-not-rootdse:ldap', 'ldap-plain-bind-allowed'],
  ]),
  ...refusesClearBind('Samba AD', [
    ['yes:ldap'],
    ['allow_sasl_over_tls:ldap'],
    ['no:ldap', 'ldap-plain-bind-allowed'],
    ['yes:globalCatalog'],
    ['allow_sasl_over_tls:globalCatalog'],
    ['no:globalCatalog', 'ldap-plain-bind-allowed'],
  ]),
  ...offers('slapd', 'starttls', [
    ['default:ldap'],
    ['ssf-128:ldap'],
    ['simple_bind-128:ldap'],
    ['no-tls:ldap', 'ldap-starttls-refused'],
    ['name-only:ldap:truth', 'ldap-channel-unverified'],
    ['expired:ldap:truth', 'ldap-channel-unverified'],
    ['other-ca:ldap', 'ldap-channel-unverified'],
    ['client-certificate:ldap', 'tls-client-certificate-required'],
    ['client-certificate-optional:ldap'],
  ]),
  ...offers('slapd', 'ldaps', [
    ['default:ldaps'],
    ['ssf-128:ldaps'],
    ['client-certificate:ldaps', 'tls-client-certificate-required'],
    ['client-certificate-optional:ldaps'],
  ]),
  ...offers('389-ds', 'starttls', [['default:ldap'], ['secure-binds:ldap'], ['minssf-128:ldap']]),
  ...offers('389-ds', 'ldaps', [['default:ldaps'], ['minssf-128:ldaps']]),
  ...offers('Samba AD', 'starttls', [['yes:ldap'], ['yes:globalCatalog']]),
  ...offers('Samba AD', 'ldaps', [['yes:ldaps'], ['yes:globalCatalogTls']]),
  ...binds('slapd', 'starttls', [
    ['default:ldap'],
    ['default:ldap:wrong', 'ldap-invalid-credentials'],
    ['default:ldap:unknown', 'ldap-invalid-credentials'],
    ['simple_bind-128:ldap'],
    ['ssf-128:ldap'],
    ['no-anonymous:ldap'],
    ['expired:ldap:truth', 'ldap-channel-unverified'],
    ['other-ca:ldap', 'ldap-channel-unverified'],
    ['name-only:ldap:truth', 'ldap-channel-unverified'],
    ['must-staple:ldap:truth', 'ldap-channel-unverified'],
    ['no-tls:ldap', 'ldap-starttls-refused'],
  ]),
  ...binds('slapd', 'ldaps', [['default:ldaps'], ['default:ldaps:wrong', 'ldap-invalid-credentials']]),
  ...binds('389-ds', 'ldaps', [['default:ldaps'], ['default:ldaps:wrong', 'ldap-invalid-credentials']]),
  ...binds('389-ds', 'starttls', [
    ['default:ldap'],
    ['default:ldap:wrong', 'ldap-invalid-credentials'],
    ['secure-binds:ldap'],
    ['minssf-128:ldap'],
    ['no-anonymous:ldap'],
  ]),
  ...binds('Samba AD', 'starttls', [
    ...adAccounts('ldap'),
    ['yes:globalCatalog:good'],
    ['yes:globalCatalog:disabled', 'ldap-account-disabled'],
    ['allow_sasl_over_tls:ldap:good'],
    ['no:ldap:good'],
  ]),
  ...binds('Samba AD', 'ldaps', [
    ['yes:globalCatalogTls:good'],
    ['yes:globalCatalogTls:expired', 'ldap-account-expired'],
    ['no:globalCatalogTls:good'],
  ]),
  // A third wrong password would lock the account.
  ...binds(
    'Samba AD',
    'ldaps',
    adAccounts('ldaps').filter(([site]) => !site.endsWith(':wrong')),
  ),
]
