import { type Static, Type } from 'typebox'
import { mayHaveMissed, type Reasons, type SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { CredentialRef, Flag, optional, Pem } from '../policy/values.ts'
import {
  type BindOutcome,
  type Demand,
  defineProtocol,
  type ExpectationGroup,
  omitted,
  type Seen,
  type SignificanceOf,
  spoke,
  texts,
} from './protocol.ts'
import { TlsFacts, tlsOptions, tlsSignificance } from './tls.ts'

/** How a connection to a directory is protected. */
export const ldapChannels = ['plain', 'starttls', 'ldaps'] as const

/** Where the bind was made because of which the credential was not sent. */
export const BindWithheld = closedObject(
  {
    vantage: Type.String({ maxLength: 100, description: 'Its vantage', examples: ['branch-office'] }),
    host: Type.Optional(
      Type.String({ maxLength: 253, description: 'Its directory, in the same audit', examples: ['dc1.example'] }),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    auditId: Type.Optional(
      Type.String({ format: 'uuid', maxLength: 36, description: 'Its audit, if it is another one' }),
    ),
    reason: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]{1,60}$',
        maxLength: 60,
        description: 'Its reason; absent without a result',
        examples: ['ldap-invalid-credentials'],
      }),
    ),
    until: Type.Optional(
      Type.String({ format: 'date-time', maxLength: 40, description: 'The unchanged credential is not sent before' }),
    ),
  },
  { description: 'The bind because of which the credential was not sent' },
)
export type BindWithheld = Static<typeof BindWithheld>

const LdapFacts = closedObject({
  security: Type.Optional(Type.Enum([...ldapChannels])),
  activeDirectory: Type.Optional(Type.Boolean()),
  rootDse: Type.Optional(
    Type.Partial(
      closedObject({
        dnsHostName: Type.String(),
        defaultNamingContext: Type.String(),
        ldapServiceName: Type.String(),
        domainFunctionality: Type.Integer(),
        forestFunctionality: Type.Integer(),
        domainControllerFunctionality: Type.Integer(),
        supportedSaslMechanisms: texts,
        supportedCapabilities: texts,
        isGlobalCatalogReady: Type.Boolean(),
        isSynchronized: Type.Boolean(),
      }),
    ),
  ),
  tls: Type.Optional(TlsFacts),
  startTls: Type.Optional(closedObject({ offered: Type.Boolean(), resultCode: Type.Optional(Type.Integer()) })),
  bind: Type.Optional(
    closedObject({
      as: Type.Enum(['anonymous', 'credential']),
      resultCode: Type.Integer({ description: 'RFC 4511 appendix A' }),
      resultName: Type.String(),
      adCode: Type.Optional(Type.String({ description: 'The `data` code of Active Directory, hexadecimal' })),
    }),
  ),
  bindWithheld: Type.Optional(BindWithheld),
  plainBind: Type.Optional(
    closedObject(
      {
        resultCode: Type.Integer(),
        resultName: Type.String(),
        inventedBase: Type.Optional(
          Type.Literal(true, {
            description: 'The directory hides its naming contexts: the user lay below none of them',
          }),
        ),
      },
      {
        description:
          'The response to a simple bind in clear, tried as a user that does not exist; or the 13 with which a request before it was refused',
      },
    ),
  ),
  spoke,
  omitted,
})
export type LdapFacts = Static<typeof LdapFacts>

const reasons = {
  'ldap-responded': { about: 'peer', message: 'The port responds to LDAP.' },
  'ldap-starttls-refused': {
    about: 'peer',
    message: 'The peer responds to LDAP and refuses StartTLS: give the directory a certificate, or use LDAPS.',
  },
  'ldap-starttls-injection': {
    about: 'peer',
    message: 'Plaintext followed the StartTLS response: the channel is tampered with, and no credential was sent.',
  },
  'ldap-channel-unverified': {
    about: 'peer',
    message:
      'The channel to the directory could not be verified, so no credential was sent: see trust, name, dates, stapled OCSP response and strength in the TLS facts.',
  },
  'ldap-bind-ok': { about: 'peer', message: 'The bind succeeded over a verified channel.' },
  'ldap-stronger-auth-required': {
    about: 'peer',
    message: 'The directory is reachable and demands protection of the bind: use StartTLS or LDAPS.',
  },
  'ldap-confidentiality-required': {
    about: 'peer',
    message: 'The directory is reachable and demands encryption: use StartTLS or LDAPS.',
  },
  'ldap-anonymous-refused': {
    about: 'peer',
    message: 'The directory is reachable and does not allow anonymous access.',
  },
  'ldap-invalid-credentials': {
    about: 'peer',
    message: 'The directory is reachable and refuses user or password. It was tried once, and not again.',
  },
  'ldap-logon-hours': {
    about: 'peer',
    message: 'The directory is reachable; the account may not log on at this hour.',
  },
  'ldap-workstation-not-allowed': {
    about: 'peer',
    message: 'The directory is reachable; the account may not log on from this workstation.',
  },
  'ldap-password-expired': {
    about: 'peer',
    message: 'The directory is reachable; the password of the account has expired.',
  },
  'ldap-account-disabled': { about: 'peer', message: 'The directory is reachable; the account is disabled.' },
  'ldap-account-expired': { about: 'peer', message: 'The directory is reachable; the account has expired.' },
  'ldap-password-must-change': {
    about: 'peer',
    message: 'The directory is reachable; the password of the account must be changed first.',
  },
  'ldap-account-locked': { about: 'peer', message: 'The directory is reachable; the account is locked.' },
  'ldap-invalid-dn': {
    about: 'peer',
    message: 'The directory is reachable and cannot read the user as a name: correct the credential.',
  },
  'ldap-unwilling': { about: 'peer', message: 'The directory is reachable and unwilling to perform the bind.' },
  'ldap-bind-refused': {
    about: 'peer',
    message: 'The directory is reachable and refused the bind; the result code is in the facts.',
  },
  'ldap-no-response': { about: 'rule', message: 'The port is open and does not respond to LDAP.' },
  'ldap-not-active-directory': {
    about: 'rule',
    message: 'The directory responds to LDAP and is not Active Directory.',
  },
  'ldap-plain-bind-allowed': {
    about: 'rule',
    message:
      'The directory takes a simple bind in clear: demand signing or TLS, so that no password crosses the network.',
  },
  'ldap-channel-not-allowed': {
    about: 'rule',
    message: 'The directory was reached over a channel that the rule does not allow.',
  },
} as const satisfies Reasons
type LdapReason = keyof typeof reasons | SharedReason

const LdapExpectation = closedObject({
  answers: optional(Flag),
  activeDirectory: optional(Flag),
  security: optional(Type.Array(Type.Enum([...ldapChannels]), { minItems: 1, uniqueItems: true })),
  plainBind: optional(
    Type.Literal('refused', {
      description: 'A simple bind in clear must be refused; tried with a made-up user and no secret',
    }),
  ),
  bind: optional(closedObject({ credentialRef: CredentialRef })),
  trustedCa: optional(Pem),
})

const clientCertificateDemanded = 'tls-client-certificate-required'
const channelFailures: ReadonlySet<string> = new Set<LdapReason | typeof clientCertificateDemanded>([
  'ldap-channel-unverified',
  'ldap-starttls-injection',
  'ldap-starttls-refused',
  clientCertificateDemanded,
])
/** RFC 4511 appendix A: authMethodNotSupported, strongerAuthRequired, confidentialityRequired. */
const refusesPlainBinds: ReadonlySet<number> = new Set([7, 8, 13])
/** success and invalidCredentials, for which the directory has taken the password. */
const takesPlainBinds: ReadonlySet<number> = new Set([0, 49])

/** Other codes do not show whether another user may bind; nor does 49 of a frontend, where each database has its own demand. */
export function outcomeOfPlainBind({
  resultCode,
  inventedBase,
}: NonNullable<LdapFacts['plainBind']>): 'refused' | 'taken' | 'undecided' {
  if (refusesPlainBinds.has(resultCode)) return 'refused'
  const isTaken = takesPlainBinds.has(resultCode) && !(inventedBase && resultCode !== 0)
  return isTaken ? 'taken' : 'undecided'
}

const plainBindViolations = {
  refused: undefined,
  taken: 'ldap-plain-bind-allowed',
  undecided: 'facts-missing',
} as const satisfies Record<ReturnType<typeof outcomeOfPlainBind>, LdapReason | undefined>

function violation<Code extends string>(
  demand: Demand<typeof LdapExpectation>,
  { facts, reason }: Seen<LdapFacts, Code>,
): LdapReason | Code | undefined {
  const responded = facts.rootDse || facts.bind || facts.startTls
  if (!responded) return mayHaveMissed(reason) || reason === clientCertificateDemanded ? reason : 'ldap-no-response'
  // A refused rootDSE does not show what the directory is.
  if (demand.activeDirectory && !facts.activeDirectory)
    return facts.activeDirectory === undefined ? 'facts-missing' : 'ldap-not-active-directory'
  if (demand.bind && reason !== 'ldap-bind-ok') return reason
  if (demand.security) {
    if (channelFailures.has(reason)) return reason
    if (!(facts.security && demand.security.includes(facts.security)))
      return mayHaveMissed(reason) ? reason : 'ldap-channel-not-allowed'
  }
  if (demand.plainBind !== 'refused') return undefined
  return facts.plainBind ? plainBindViolations[outcomeOfPlainBind(facts.plainBind)] : 'facts-missing'
}

const ldapGroup: ExpectationGroup<typeof LdapExpectation, LdapFacts, LdapReason> = {
  schema: LdapExpectation,
  violation,
  contradictions: ({ bind, security, plainBind }) => {
    const channels = [security].flat()
    const message =
      bind !== undefined && channels.includes('plain')
        ? 'must not allow plain with `bind`: a credential is sent over starttls or ldaps only'
        : plainBind !== undefined && channels.every((channel) => channel === 'ldaps')
          ? 'must allow plain or starttls with `plainBind`, which is tried in clear'
          : undefined
    return message === undefined ? [] : [{ pointer: '/security', message }]
  },
}

const responses: ReadonlySet<string> = new Set<LdapReason>([
  'ldap-responded',
  'ldap-anonymous-refused',
  'ldap-stronger-auth-required',
  'ldap-confidentiality-required',
])

/** Codes of Active Directory for a right password, which it does not count as a failed logon. */
const rightPassword: ReadonlySet<string | undefined> = new Set(['530', '531', '532', '533', '701', '773'])
/** Protection is missing: the password was not checked. A proxy says busy or unavailable also after a check. */
const unchecked: ReadonlySet<number> = new Set([8, 13])

function bindOutcome({ facts: { bind } }: Pick<Seen<LdapFacts>, 'facts'>): BindOutcome {
  if (!bind) return 'unknown'
  if (bind.resultCode === 0) return 'accepted'
  return rightPassword.has(bind.adCode) || unchecked.has(bind.resultCode) ? 'harmless' : 'refused'
}

const significanceInside: SignificanceOf<LdapFacts> = Object.fromEntries(
  Object.entries(tlsSignificance).map(([path, significance]) => [`tls/${path}`, significance]),
)

/** LDAP from the rootDSE to a bind over a verified channel. */
export const ldap = defineProtocol({
  name: 'ldap',
  defaultPort: 389,
  facts: LdapFacts,
  expects: { ldap: ldapGroup },
  options: closedObject({
    trustedCa: tlsOptions.trustedCa,
    security: Type.Optional(Type.Array(Type.Enum([...ldapChannels]))),
    credentialRef: Type.Optional(CredentialRef),
    plainBind: Type.Optional(
      Type.Boolean({ description: 'Try a simple bind in clear with a made-up user and no secret' }),
    ),
  }),
  optionsFor: ({ ldap: demand }) => ({
    trustedCa: demand?.trustedCa,
    security: demand?.security,
    plainBind: demand?.plainBind === 'refused',
    credentialRef: demand?.bind?.credentialRef,
  }),
  awaits: ({ tls: session, rootDse }) => {
    if (session && !session.protocol) return 'complete TLS handshake'
    return rootDse ? 'further LDAP response' : 'LDAP response'
  },
  reasons,
  bindOutcome,
  modules: { ldap: { succeeds: ({ reason }) => responses.has(reason) } },
  significance: { bind: 'notice', security: 'notice', activeDirectory: 'notice', ...significanceInside },
})
