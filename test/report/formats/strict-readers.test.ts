import { createRequire } from 'node:module'
import { join } from 'node:path'
import AjvDraft04 from 'ajv-draft-04'
import formats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import type { ReportedAudit, ReportedFinding } from '../../../src/report/formats/audit.ts'
import { auditFormats } from '../../../src/report/formats/index.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'
import { hostileTexts } from '../../support/hostile-texts.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { run } from '../../support/processes.ts'
import { findingOf, renderAll, sampleAudit, sampleFindings } from './sample.ts'

const hostile = [
  ...hostileTexts.map(({ text }) => text),
  '--> <!-- -- --- ]]> <![CDATA[ <?xml ?> &amp; &#0; &x; %e; \u0000\u0008\u001F\u007F\u0085\uFFFE\uFFFF 🔒',
].join(' ')

/** A text of a peer, of a caller or of a policy wherever a document has one. */
function hostileAudit(): { audit: ReportedAudit; findings: ReportedFinding[] } {
  const { document, ...version } = sampleAudit.policy
  const text = { title: hostile, rationale: hostile.repeat(3), remediation: hostile }
  const controls = Array.from({ length: 30 }, (_, i) => `ISO-27001:A.${i}`)
  const rules = document.rules.map((rule) => ({ ...rule, ...text, controls }))
  const policy = { ...version, document: { ...document, title: hostile, rules } }
  const audit = { ...sampleAudit, policy, correlationId: hostile, reason: hostile, error: hostile }
  const findings = sampleFindings.map((finding) => ({
    ...finding,
    reason: { ...finding.reason, message: `${finding.reason.message} ${hostile}` },
    evidence: finding.evidence && {
      ...finding.evidence,
      addresses: { '10.0.0.5': { state: 'open', reason: 'tls-ok', facts: { server: hostile } as never } },
    },
  })) as ReportedFinding[]
  return { audit, findings }
}

const unprobed = [
  findingOf('ssh-support', 'notchecked', ['unknown', 'no-vantage-in-zone'], { vantage: 'zone:support' }),
]
const documents: [what: string, request: Parameters<typeof renderAll>[1]][] = [
  ['a result of each kind', {}],
  ['no finding', { findings: [] }],
  ['nothing probed', { findings: unprobed }],
  ['no public URL', { audit: { ...sampleAudit, pages: pageUrls(undefined) } }],
  [
    'an audit that failed before it started',
    { audit: { ...sampleAudit, startedAt: null, status: 'failed', verdict: null } },
  ],
  ['hostile texts', hostileAudit()],
]

const xmllint = (options: string[], input: string) => run('xmllint', ['--noout', '--nonet', ...options, '-'], { input })

describeWithPeers(['xmllint'], 'JUnit XML', () => {
  const schema = join(import.meta.dirname, '../../support/schemas/junit.rng')
  const validate = (text: string) => xmllint(['--relaxng', schema], text)

  test.each(documents)('with %s is valid by the schemas of windyroad and Jenkins', async (_what, request) => {
    const { code, stderr } = await validate(await renderAll(auditFormats.junit.render, request))
    expect([code, stderr]).toEqual([0, '- validates\n'])
  })

  test('is not valid with another attribute, another order or an unknown element', async () => {
    const text = await renderAll(auditFormats.junit.render)
    const broken = [
      text.replace('<testsuites>', '<testsuites tests="7">'),
      text.replace(/ hostname="[^"]*"/, ''),
      text.replace(/(timestamp="[^"]*)"/, '$1Z"'),
      text.replace('<system-out/><system-err/>', ''),
      text.replace('<failure ', '<flaky ').replace('</failure>', '</flaky>'),
    ]
    for (const one of broken) expect((await validate(one)).stderr).toContain('fails to validate')
  })
})

describeWithPeers(['xmllint', 'nmap-readers'], 'Nmap XML', () => {
  const render = (request: Parameters<typeof renderAll>[1]) => renderAll(auditFormats.nmap.render, request)
  /** By the document type that the document itself declares. */
  const validate = (text: string) =>
    xmllint(['--valid'], text.replace('<!DOCTYPE nmaprun>', '<!DOCTYPE nmaprun SYSTEM "/usr/share/nmap/nmap.dtd">'))

  test.each(documents)('with %s is valid by nmap.dtd', async (_what, request) => {
    const { code, stderr } = await validate(await render(request))
    expect([code, stderr]).toEqual([0, ''])
  })

  test('is not valid by nmap.dtd without an address, with another scanner or without its document type', async () => {
    const text = await render({})
    for (const [part, other] of [
      [/<address [^>]*>/, ''],
      ['scanner="nmap"', 'scanner="portwarden"'],
      ['<!DOCTYPE nmaprun>', ''],
    ] as const)
      expect((await validate(text.replace(part, other))).stderr).toMatch(/validity error/)
  })

  test.each(documents)('with %s is read by python-nmap and python-libnmap', async (_what, request) => {
    const script = `
import json, sys, nmap
from libnmap.parser import NmapParser
text = sys.stdin.read()
scan = nmap.PortScanner().analyse_nmap_xml_scan(text)
report = NmapParser.parse_fromstring(text)
print(json.dumps({
  'nmap': {a: {'name': h.hostname(), 'ports': {p: h['tcp'][p]['state'] for p in h.all_tcp()}} for a, h in scan['scan'].items()},
  'libnmap': [[h.address, h.hostnames, [[s.port, s.state, [r['id'] for r in s.scripts_results]] for s in h.services]] for h in report.hosts],
}))`
    const { code, stdout, stderr } = await run('/usr/bin/python3', ['-I', '-c', script], {
      input: await render(request),
    })
    expect([code, stderr]).toEqual([0, ''])
    const seen = JSON.parse(stdout)
    const known = request?.findings !== unprobed && request?.findings?.length !== 0
    // python-nmap keeps the last host of an address.
    expect(seen.nmap).toEqual(known ? { '10.0.0.5': { name: 'epp-02@local', ports: { 22: 'open' } } } : {})
    expect(seen.libnmap).toEqual(
      known
        ? [
            [
              '10.0.0.5',
              ['epp-01@local'],
              [
                [443, 'open', ['portwarden']],
                [22, 'open', ['portwarden']],
              ],
            ],
            ['10.0.0.5', ['epp-02@local'], [[22, 'open', ['portwarden']]]],
          ]
        : [],
    )
  })

  test('has what was not probed and has no address in a postscript, line by line', async () => {
    const text = await render({ findings: unprobed })
    expect(text).toContain(
      '<postscript><script id="portwarden" output="epp-01@zone:support ssh-support: notchecked, unknown, no-vantage-in-zone&#10;"/></postscript>',
    )
    expect(text).not.toContain('<host ')
  })
})

describe('SARIF', () => {
  const schema = createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json')
  const ajv = new AjvDraft04.default({ strict: false, allErrors: true, unicodeRegExp: false })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  const all = () =>
    Promise.all(documents.map(async ([, request]) => JSON.parse(await renderAll(auditFormats.sarif.render, request))))

  test('is valid by the schema of SARIF 2.1.0, and not with an unknown kind', async () => {
    for (const document of await all()) expect(validate(document), ajv.errorsText(validate.errors)).toBe(true)
    const [document] = await all()
    document.runs[0].results[0].kind = 'passed'
    expect(validate(document)).toBe(false)
  })

  test('keeps to the documented limits and required fields of GitHub code scanning', async () => {
    for (const { runs } of await all()) {
      const [{ tool, automationDetails, results }] = runs
      expect(automationDetails.id).toBe(`${sampleAudit.policy.name}/${sampleAudit.id}`)
      for (const { name, shortDescription, fullDescription, help, properties } of tool.driver.rules) {
        for (const { text } of [shortDescription, fullDescription, help]) expect(text).not.toBe('')
        expect(name).toMatch(/^[A-Z][A-Za-z0-9]{0,254}$/)
        expect(fullDescription.text.length).toBeLessThanOrEqual(1024)
        expect(properties.tags.length).toBeLessThanOrEqual(20)
        expect(Number(properties['security-severity'])).toBeGreaterThan(0)
      }
      for (const { locations, partialFingerprints } of results) {
        expect(partialFingerprints.primaryLocationLineHash).toMatch(/^[0-9a-f-]{36}$/)
        expect(locations).toHaveLength(1)
        const { artifactLocation, region } = locations[0].physicalLocation
        expect(artifactLocation.uri).toBe('policies/netwrix-endpoint-protector.yaml')
        expect(Object.values(region).every((at) => Number(at) >= 1)).toBe(true)
      }
    }
  })
})
