import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import { isVerified } from './certificate.ts'
import { type Demand, defineProtocol, type ExpectationGroup, type Seen } from './protocol.ts'
import { awaitsTls, TlsFacts, tlsGroup, tlsOptions, tlsOptionsFor, tlsSignificance } from './tls.ts'

/** Those of TLS are of the session after STARTTLS. */
const SmtpFacts = closedObject({
  ...TlsFacts.properties,
  smtp: Type.Optional(
    closedObject({
      greeting: Type.Optional(
        Type.String({
          description: 'The software as the greeting names it: without host name, time and session id, bytes escaped',
          examples: ['ESMTP Postfix (Debian/GNU)'],
        }),
      ),
      extensions: Type.Optional(
        Type.Array(Type.String(), {
          description: 'The response to EHLO before STARTTLS (RFC 5321); empty if only HELO is known',
          examples: [['PIPELINING', 'SIZE 10240000', 'STARTTLS']],
        }),
      ),
      startTls: Type.Optional(
        closedObject({
          offered: Type.Boolean(),
          replyCode: Type.Optional(Type.Integer({ description: 'Of the response to STARTTLS, RFC 3207 section 4' })),
        }),
      ),
      refusedWith: Type.Optional(
        Type.Integer({ description: 'The reply code with which the peer refused the session' }),
      ),
    }),
  ),
})
export type SmtpFacts = Static<typeof SmtpFacts>

const reasons = {
  'smtp-starttls-ok': {
    about: 'peer',
    message: 'The peer speaks SMTP, and the TLS handshake after STARTTLS completed.',
  },
  'smtp-starttls-not-offered': { about: 'peer', message: 'The peer speaks SMTP and does not offer STARTTLS.' },
  'smtp-starttls-refused': {
    about: 'peer',
    message: 'The peer speaks SMTP, offers STARTTLS and refuses it; the reply code is in the facts.',
  },
  'smtp-starttls-injection': {
    about: 'peer',
    message: 'Plaintext followed the response to STARTTLS: the channel is tampered with, or the server is broken.',
  },
  'smtp-refused-for-now': {
    about: 'peer',
    message:
      'The peer speaks SMTP and refuses the session for now, as when it is busy; the reply code is in the facts: probe again later.',
    undecided: true,
  },
  'smtp-refused': {
    about: 'peer',
    message: 'The peer refuses the SMTP session of this vantage; the reply code is in the facts.',
  },
} as const satisfies Reasons
type SmtpReason = keyof typeof reasons | SharedReason

const SmtpExpectation = closedObject({
  speaks: optional(Flag),
  startTls: optional(
    Type.Literal('offered', {
      description: 'STARTTLS must be in the response to EHLO; `tls` demands that the handshake completes',
    }),
  ),
})

function violation<Code extends string>(
  { speaks, startTls }: Demand<typeof SmtpExpectation>,
  { facts: { smtp: seen, omitted }, reason }: Seen<SmtpFacts, Code>,
): SmtpReason | Code | undefined {
  if (!speaks && !startTls) return undefined
  const responded = seen?.extensions !== undefined || omitted?.includes('smtp/extensions')
  if (!responded || reason === 'smtp-starttls-injection') return reason
  if (startTls && !seen?.startTls) return 'facts-missing'
  return startTls && !seen?.startTls?.offered ? 'smtp-starttls-not-offered' : undefined
}

const smtpGroup: ExpectationGroup<typeof SmtpExpectation, SmtpFacts, SmtpReason> = {
  schema: SmtpExpectation,
  violation,
}

const isOffered = ({ facts }: Seen<SmtpFacts>) => facts.smtp?.startTls?.offered === true

/** SMTP up to STARTTLS, and the TLS session after it; no mail is sent. */
export const smtp = defineProtocol({
  name: 'smtp',
  defaultPort: 25,
  facts: SmtpFacts,
  expects: { smtp: smtpGroup, tls: tlsGroup },
  options: closedObject(tlsOptions),
  optionsFor: (expect) => tlsOptionsFor(expect.tls),
  awaits: ({ smtp: seen, ...facts }) => {
    if (!seen) return 'SMTP greeting'
    if (!seen.startTls) return 'response to EHLO'
    return seen.startTls.replyCode === undefined ? 'response to STARTTLS' : awaitsTls(facts)
  },
  reasons,
  modules: {
    smtp_starttls: {
      succeeds: (seen) => seen.reason === 'smtp-starttls-ok' && isVerified(seen),
      misspoke: (seen) => seen.state === 'open' && !isOffered(seen) && seen.reason !== 'protocol-timeout',
    },
  },
  // A missing offer may be an interception (RFC 3207, 6).
  significance: { ...tlsSignificance, 'smtp/startTls/offered': 'alert', 'smtp/extensions': 'notice' },
})
