import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import type { Result } from './messages.ts'

type ResultFacts = Omit<NonNullable<LdapFacts['bind']>, 'as'>

/** Result codes by number, RFC 4511 section 4.1.9. */
const names: Partial<Record<number, string>> = {
  0: 'success',
  1: 'operationsError',
  2: 'protocolError',
  3: 'timeLimitExceeded',
  4: 'sizeLimitExceeded',
  7: 'authMethodNotSupported',
  8: 'strongerAuthRequired',
  10: 'referral',
  11: 'adminLimitExceeded',
  12: 'unavailableCriticalExtension',
  13: 'confidentialityRequired',
  14: 'saslBindInProgress',
  16: 'noSuchAttribute',
  17: 'undefinedAttributeType',
  18: 'inappropriateMatching',
  19: 'constraintViolation',
  20: 'attributeOrValueExists',
  21: 'invalidAttributeSyntax',
  32: 'noSuchObject',
  33: 'aliasProblem',
  34: 'invalidDNSyntax',
  36: 'aliasDereferencingProblem',
  48: 'inappropriateAuthentication',
  49: 'invalidCredentials',
  50: 'insufficientAccessRights',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
  54: 'loopDetect',
  64: 'namingViolation',
  65: 'objectClassViolation',
  66: 'notAllowedOnNonLeaf',
  67: 'notAllowedOnRDN',
  68: 'entryAlreadyExists',
  69: 'objectClassModsProhibited',
  71: 'affectsMultipleDSAs',
  80: 'other',
}

const invalidCredentials = 49

const bindReasons: Partial<Record<number, ReasonCode>> = {
  0: 'ldap-bind-ok',
  8: 'ldap-stronger-auth-required',
  13: 'ldap-confidentiality-required',
  34: 'ldap-invalid-dn',
  48: 'ldap-anonymous-refused',
  [invalidCredentials]: 'ldap-invalid-credentials',
  53: 'ldap-unwilling',
}

/** By the `data` code of Active Directory, a Windows error code. */
const adReasons: Partial<Record<string, ReasonCode>> = {
  '525': 'ldap-invalid-credentials', // no such user
  '52e': 'ldap-invalid-credentials',
  '530': 'ldap-logon-hours',
  '531': 'ldap-workstation-not-allowed',
  '532': 'ldap-password-expired',
  '533': 'ldap-account-disabled',
  '701': 'ldap-account-expired',
  '773': 'ldap-password-must-change',
  '775': 'ldap-account-locked',
}

/** A bind result as facts, without the free-form diagnostic text. */
export function describeResult({ code, diagnostic }: Result): ResultFacts {
  const adCode =
    code === invalidCredentials ? /\bdata ([0-9a-f]{1,8})\b/i.exec(diagnostic)?.[1]?.toLowerCase() : undefined
  return { resultCode: code, resultName: names[code] ?? 'unknown', ...(adCode && { adCode }) }
}

/** An unknown Active Directory code does not mean a wrong password. */
export function bindReason({ resultCode, adCode }: ResultFacts): ReasonCode {
  if (adCode) return adReasons[adCode] ?? 'ldap-bind-refused'
  return bindReasons[resultCode] ?? 'ldap-bind-refused'
}
