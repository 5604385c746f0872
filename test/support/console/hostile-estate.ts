import { type HostilePeers, startHostilePeers } from '../hostile-peers.ts'
import { type HostileText, hostileTexts, markOf, obeyed } from '../hostile-texts.ts'
import type { TestService } from '../service.ts'
import type { ConsolePage } from './console.ts'

/** Texts that a caller may write, since no terminal obeys them. */
export const takenTexts = hostileTexts.filter(({ text }) => !obeyed.test(text))
const allTaken = takenTexts.map(({ text }) => text).join(' ')

/** Audits a target `hostile` twice: peers, policy, labels, ticket, window and waiver are full of hostile texts. Returns the peers. */
export async function auditHostileEstate(service: TestService): Promise<HostilePeers> {
  const peers = await startHostilePeers(hostileTexts)
  const rule = (id: string, more: object) => ({
    ...{ id, severity: 'high', direction: 'inbound', from: ['client'] },
    ...{ title: `${id} ${takenTexts[0]?.text}`, rationale: allTaken, remediation: allTaken, ...more },
  })
  const rules = [
    rule('ssh', {
      ...{ probe: 'ssh', port: peers.ssh.port, expect: { ssh: { speaks: true, minVersion: '2.0' } } },
      insideWindow: { expect: { state: ['open'] } },
    }),
    rule('tls', { probe: 'tls', port: peers.tls.port, expect: { tls: { trusted: true, nameMatches: true } } }),
    rule('ldap', { probe: 'ldap', port: peers.ldap.port, expect: { ldap: { activeDirectory: true } } }),
    ...peers.http.map(({ port }, i) =>
      rule(`http${i}`, { probe: 'https', port, expect: { http: { answers: true }, tls: { trusted: true } } }),
    ),
  ]
  const created = async (method: 'PUT' | 'POST', path: string, body: object) => {
    const response = await service.call(method, path, { body, headers: { prefer: 'wait=15' } })
    if (response.status >= 300) throw new Error(`${path}: ${JSON.stringify(response.body)}`)
    return response.body
  }
  await created('PUT', '/v1/policies/peers', {
    name: 'peers',
    title: takenTexts[0]?.text,
    source: takenTexts[0]?.text,
    rules,
  })
  const target = {
    ...{
      name: 'hostile',
      address: '127.0.0.1',
      externalId: takenTexts[0]?.text,
      roles: takenTexts.map(({ text }) => text),
    },
    ...{ labels: Object.fromEntries(takenTexts.map(({ text }, i) => [`note${i}`, text])), params: { note: allTaken } },
  }
  await created('POST', '/v1/targets', target)
  const about = { policy: 'peers', targets: ['hostile'], reason: allTaken }
  const from = new Date(Date.now() - 60_000).toISOString()
  const to = new Date(Date.now() + 3_600_000).toISOString()
  await created('POST', '/v1/windows', { ...about, rules: ['ssh'], ticket: takenTexts[0]?.text, from, to })
  await created('POST', '/v1/waivers', { ...about, rules: ['ssh', 'tls'], expiresAt: to })
  for (let twice = 0; twice < 2; twice += 1)
    await created('POST', '/v1/audits', { policy: 'peers', targets: ['hostile'], correlationId: takenTexts[0]?.text })
  return peers
}

/** The texts whose marks a page does not show as text. */
export async function missingIn(page: ConsolePage, texts: readonly HostileText[]): Promise<string[]> {
  const shown = await page.locator('body').innerText()
  return texts.filter((text) => !shown.includes(markOf(text))).map(({ kind }) => kind)
}
