import { describe } from 'vitest'
import type { SmtpFacts } from '../../../src/domain/protocols/smtp.ts'
import { certificate } from '../findings/rules.ts'
import { testJudgements } from './judging.ts'

describe('smtp', () => {
  const smtp: SmtpFacts['smtp'] = {
    greeting: 'ESMTP x',
    extensions: ['STARTTLS'],
    startTls: { offered: true, replyCode: 220 },
  }
  const plain: SmtpFacts['smtp'] = { greeting: 'ESMTP x', extensions: [], startTls: { offered: false } }
  const tls = { protocol: 'TLSv1.3', certificate: certificate(), trusted: true, nameMatches: true } as const
  const secured = (more: SmtpFacts = {}) => ({ reason: 'smtp-starttls-ok', facts: { ...tls, smtp, ...more } }) as const
  const mustOffer = { smtp: { startTls: 'offered' } } as const
  testJudgements('smtp', [
    ['a peer that speaks SMTP passes', { smtp: { speaks: true } }, secured(), 'as-expected'],
    [
      'one without STARTTLS speaks SMTP too',
      { smtp: { speaks: true } },
      { reason: 'smtp-starttls-not-offered', facts: { smtp: plain } },
      'as-expected',
    ],
    [
      'one that refuses the session fails with that',
      { smtp: { speaks: true } },
      { reason: 'smtp-refused', facts: { smtp: { refusedWith: 554 } } },
      'smtp-refused',
    ],
    [
      'one that refuses the session for now is undecided',
      { smtp: { speaks: true } },
      { reason: 'smtp-refused-for-now', facts: { smtp: { refusedWith: 421 } } },
      'smtp-refused-for-now',
    ],
    [
      'one that speaks something else fails with that',
      { smtp: { speaks: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } },
      'protocol-mismatch',
    ],
    ['an offer passes', mustOffer, secured(), 'as-expected'],
    [
      'an offer that is refused is an offer',
      mustOffer,
      { reason: 'smtp-starttls-refused', facts: { smtp: { ...smtp, startTls: { offered: true, replyCode: 454 } } } },
      'as-expected',
    ],
    [
      'a missing offer fails',
      mustOffer,
      { reason: 'smtp-starttls-not-offered', facts: { smtp: plain } },
      'smtp-starttls-not-offered',
    ],
    [
      'an unseen offer is unknown',
      mustOffer,
      { reason: 'smtp-starttls-ok', facts: { smtp: { extensions: [] } } },
      'facts-missing',
    ],
    [
      'an injection fails, also where only the protocol is expected',
      { smtp: { speaks: true } },
      { reason: 'smtp-starttls-injection', facts: { smtp } },
      'smtp-starttls-injection',
    ],
    [
      'a demand that is switched off is not judged',
      { smtp: { speaks: false } },
      { reason: 'protocol-timeout', facts: { spoke: 'nothing' } },
      'as-expected',
    ],
    [
      'the certificate after STARTTLS is judged as any other',
      { tls: { trusted: true, nameMatches: true, minDaysLeft: 14 } },
      secured(),
      'as-expected',
    ],
    ['an untrusted one fails', { tls: { trusted: true } }, secured({ trusted: false }), 'certificate-untrusted'],
    ['an old version fails', { tls: { minVersion: 'TLSv1.2' } }, secured({ protocol: 'TLSv1' }), 'tls-version-too-old'],
    [
      'TLS that is not offered fails with that',
      { tls: { trusted: true } },
      { reason: 'smtp-starttls-not-offered', facts: { smtp: plain } },
      'smtp-starttls-not-offered',
    ],
    [
      'TLS that fails after the offer fails with that',
      { ...mustOffer, tls: {} },
      { reason: 'tls-handshake-failed', facts: { smtp } },
      'tls-handshake-failed',
    ],
  ])
})
