import { expect, test } from 'vitest'
import { certificatesOf, daysLeft } from '../../../../src/console/pages/targets/certificates.ts'

type Seen = Parameters<typeof certificatesOf>[0][number]

const seen = (port: number, facts: object): Seen =>
  ({
    evidence: { probe: 'tls', host: 'a', port, addresses: { '10.0.0.1': { state: 'open', facts } } },
  }) as unknown as Seen
const certificate = (sha256: string, notAfter: string) => ({ certificate: { sha256, notAfter }, trusted: true })

test('each certificate is shown once, with where it was seen, the first to expire first', () => {
  const found = certificatesOf([
    seen(443, certificate('late', '2027-01-01T00:00:00Z')),
    seen(443, certificate('late', '2027-01-01T00:00:00Z')),
    seen(636, { tls: certificate('late', '2027-01-01T00:00:00Z') }),
    seen(25, certificate('soon', '2026-12-01T00:00:00Z')),
    seen(22, {}),
    { evidence: null },
  ])
  expect(found.map(({ certificate: { sha256 }, endpoints }) => [sha256, endpoints])).toEqual([
    ['soon', ['10.0.0.1 port 25']],
    ['late', ['10.0.0.1 port 443', '10.0.0.1 port 636']],
  ])
})

test.each([
  ['2026-11-02T00:00:00Z', 1],
  ['2026-11-01T23:00:00Z', 0],
  ['2026-10-31T23:59:59Z', -1],
])('a certificate that ends %s has %i days left', (notAfter, days) => {
  expect(daysLeft(notAfter, new Date('2026-11-01T00:00:00Z'))).toBe(days)
})
