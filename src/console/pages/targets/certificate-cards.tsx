import { KeyValues } from '../../parts/key-values.tsx'
import { useEnd } from '../../parts/now.ts'
import { Block } from '../../parts/page.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import type { CurrentFinding } from '../findings/current-finding.ts'
import { certificatesOf, daysLeft, type SeenCertificate } from './certificates.ts'

const soonDays = 30

/** The certificates that the target showed. */
export function Certificates({ findings }: { findings: readonly CurrentFinding[] }) {
  const certificates = certificatesOf(findings)
  if (certificates.length === 0) return null
  return (
    <Block title={certificates.length === 1 ? 'Certificate' : 'Certificates'}>
      {certificates.map((seen) => (
        <Card key={seen.certificate.sha256} seen={seen} />
      ))}
    </Block>
  )
}

function Card({ seen: { certificate, trusted, trustError, nameMatches, ocsp, endpoints } }: { seen: SeenCertificate }) {
  const { subject, issuer, selfSigned, sans, notBefore, notAfter, publicKey, signatureAlgorithm, sha256 } = certificate
  const judged = (isGood: boolean | undefined, good: string, bad: string) =>
    isGood === undefined ? 'not known' : <Verdict result={isGood ? 'pass' : 'fail'} text={isGood ? good : bad} />
  return (
    <div class="card">
      <KeyValues
        entries={[
          ['Subject', <strong key="subject">{subject || 'none'}</strong>],
          ['Names', sans?.join(', ') ?? 'none'],
          ['Issuer', selfSigned ? 'itself (self-signed)' : issuer],
          ['Valid', <Validity key="valid" notBefore={notBefore} notAfter={notAfter} />],
          ['Trust', judged(trusted, 'Trusted', 'Not trusted')],
          ['Why', trustError],
          ['Name', judged(nameMatches, 'Names the host', 'Does not name the host')],
          ['Revocation (OCSP)', ocsp ?? 'no stapled response'],
          ['Key', `${publicKey.type}${publicKey.bits ? ` ${publicKey.bits} bits` : ''}`],
          ['Signature', signatureAlgorithm],
          ['SHA-256', <code key="sha256">{sha256}</code>],
          ['Seen at', endpoints.join(', ')],
        ]}
      />
    </div>
  )
}

function Validity({ notBefore, notAfter }: { notBefore: string; notAfter: string }) {
  const now = useEnd()
  const days = daysLeft(notAfter, now)
  const isEarly = Date.parse(notBefore) > now.getTime()
  return (
    <>
      {isEarly ? (
        <Verdict result="fail" text="Not valid yet" />
      ) : days < 0 ? (
        <Verdict result="fail" text="Expired" />
      ) : (
        <Verdict
          result={days < soonDays ? 'unknown' : 'pass'}
          text={`${days.toLocaleString('en')} ${days === 1 ? 'day' : 'days'} left`}
        />
      )}{' '}
      <Time value={notBefore} /> to <Time value={notAfter} />
    </>
  )
}
