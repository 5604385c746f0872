import { existsSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { describe, expect, test, vi } from 'vitest'
import { writeYaml } from '../../../src/policies/write.ts'
import type { ReportedFinding } from '../../../src/report/formats/audit.ts'
import { auditFormats } from '../../../src/report/formats/index.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'
import { findingOf, renderAll, sampleAudit, sampleFindings, sampleUrl } from './sample.ts'

const names = Object.keys(auditFormats) as (keyof typeof auditFormats)[]
const xml = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  isArray: (name) => ['testcase', 'host', 'port', 'script', 'property'].includes(name),
})
// biome-ignore lint/suspicious/noExplicitAny: documents are untyped
type Read = any
const render = async (name: keyof typeof auditFormats, request: Parameters<typeof renderAll>[1] = {}) =>
  renderAll(auditFormats[name].render, request)
const readJson = async (name: 'oscal' | 'sarif'): Promise<Read> => JSON.parse(await render(name))
const readXml = async (name: 'junit' | 'nmap'): Promise<Read> => xml.parse(await render(name))

describe.each(names)('%s', (name) => {
  test('has the same text for every page size and at every time', async () => {
    const whole = await render(name, { page: 100 })
    expect(await render(name, { page: 1 })).toBe(whole)
    expect(await render(name)).toBe(whole)
    vi.setSystemTime(0)
    expect(await render(name)).toBe(whole)
    vi.useRealTimers()
  })

  test('is well-formed, with findings and without', async () => {
    for (const findings of [sampleFindings, []]) {
      const text = await render(name, { findings: [...findings] })
      const { mediaType } = auditFormats[name]
      if (mediaType.endsWith('xml')) expect(XMLValidator.validate(text)).toBe(true)
      if (mediaType.endsWith('json')) expect(JSON.parse(text)).toBeTypeOf('object')
      expect(text).not.toBe('')
    }
  })
})

describe('JUnit XML', () => {
  test('has a test case per finding: failures fail, inconclusive results are errors, untested ones are skipped', async () => {
    const { testsuites } = await readXml('junit')
    const suite = testsuites.testsuite
    const outcomes = suite.testcase.map((one: Read) => [
      `${one.classname} ${one.name}`,
      ['failure', 'error', 'skipped'].filter((kind) => kind in one).join(),
    ])
    expect(outcomes).toEqual([
      ['epp-01 client-https from local', ''],
      ['epp-01 ssh-restricted from local', 'failure'],
      ['epp-01 ssh-restricted from dmz', 'error'],
      ['epp-01 ssh-support from zone:support', 'skipped'],
      ['epp-01 ad-ldap from local', 'error'],
      ['epp-01 ui-https from local', 'skipped'],
      ['epp-02 ssh-restricted from local', 'failure'],
    ])
    expect(suite).toMatchObject({ tests: '7', failures: '2', errors: '2', skipped: '2', time: '2.5' })
  })

  test('says why, and that a failure is waived', async () => {
    const cases = (await readXml('junit')).testsuites.testsuite.testcase
    expect(cases[1].failure.message).toMatch(/^fail: The port is open/)
    expect(cases[2].error).toMatchObject({ type: 'audit-canceled', message: expect.stringMatching(/^unknown: /) })
    expect(cases[3].skipped.message).toMatch(/^notchecked: No vantage/)
    expect(cases[6].failure['#text']).toMatch(/Accepted by waiver/)
  })
})

describe('the pages of the console', () => {
  const urls = sampleFindings.map(({ fingerprint }) => `${sampleUrl}/ui/findings/${fingerprint}`)
  const auditUrl = `${sampleUrl}/ui/audits/${sampleAudit.id}`

  test('are the URLs of JUnit test cases that did not pass, in their text, and of the suite', async () => {
    const { testcase, properties } = (await readXml('junit')).testsuites.testsuite
    const texts = testcase.map(({ failure, error, skipped }: Read) => (failure ?? error ?? skipped)?.['#text'] ?? '')
    expect(texts.map((text: string) => text.split('&#10;').at(-1))).toEqual(['', ...urls.slice(1)])
    expect(properties.property).toContainEqual({ name: 'url', value: auditUrl })
  })

  test('are where SARIF shows results and explains rules', async () => {
    const [{ results, tool, properties }] = (await readJson('sarif')).runs
    expect(results.map(({ hostedViewerUri }: Read) => hostedViewerUri)).toEqual(urls)
    expect(properties.url).toBe(auditUrl)
    expect(tool.driver.informationUri).toBe(`${sampleUrl}/docs`)
    const { id, helpUri } = tool.driver.rules[0]
    expect(helpUri).toBe(`${sampleUrl}/ui/policies/netwrix-endpoint-protector?version=3#${id}`)
  })

  test('are links of OSCAL results and observations', async () => {
    const [result] = (await readJson('oscal'))['assessment-results'].results
    expect(result.links).toEqual([{ href: auditUrl, rel: 'reference' }])
    expect(result.observations.map(({ links }: Read) => links[0].href)).toEqual(urls)
  })

  test.each(names)('are not in %s without a public URL', async (name) => {
    const text = await render(name, { audit: { ...sampleAudit, pages: pageUrls(undefined) } })
    expect(text).not.toMatch(/\/ui\/|"url"|helpUri|hostedViewerUri|informationUri/)
  })
})

describe('SARIF 2.1.0', () => {
  test('locates a result at its rule, in the policy as YAML', async () => {
    const lines = writeYaml(sampleAudit.policy.document).split('\n')
    for (const { ruleId, locations } of (await readJson('sarif')).runs[0].results) {
      const { startLine, startColumn, endLine, endColumn } = locations[0].physicalLocation.region
      expect(lines[startLine - 1]?.slice(startColumn - 1)).toBe(`id: ${ruleId}`)
      expect([endLine > startLine, endColumn]).toEqual([true, 1])
    }
  })

  test('has a kind for each result: only a failure is `fail` and has a level; inconclusive results are open', async () => {
    const { runs, version } = await readJson('sarif')
    expect(version).toBe('2.1.0')
    expect(runs[0].results.map(({ ruleId, kind, level }: Read) => [ruleId, kind, level])).toEqual([
      ['client-https', 'pass', 'none'],
      ['ssh-restricted', 'fail', 'error'],
      ['ssh-restricted', 'open', 'none'],
      ['ssh-support', 'open', 'none'],
      ['ad-ldap', 'open', 'none'],
      ['ui-https', 'notApplicable', 'none'],
      ['ssh-restricted', 'fail', 'error'],
    ])
  })

  test('refers to its rules by index, and shows a waiver as a suppression', async () => {
    const [{ results, tool }] = (await readJson('sarif')).runs
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex].id).toBe(ruleId)
    expect(results.map(({ suppressions }: Read) => suppressions?.[0]?.status ?? null)).toEqual([
      ...Array(6).fill(null),
      'accepted',
    ])
    expect(new Set(results.map(({ guid }: Read) => guid)).size).toBe(results.length)
  })

  test('identifies a result by the fingerprint of its series, even after a rename', async () => {
    const fingerprint = '0b7f3b0e-5a0c-4f4e-9a53-0d6f3d7d2a11'
    const resultOf = async (target: string) => {
      const findings = [findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'], { target, fingerprint })]
      return JSON.parse(await render('sarif', { findings })).runs[0].results[0]
    }
    const [one, renamed] = [await resultOf('epp-01'), await resultOf('renamed')]
    expect(one.partialFingerprints).toEqual({
      'portwardenSeries/v1': fingerprint,
      primaryLocationLineHash: fingerprint,
    })
    for (const key of ['partialFingerprints', 'correlationGuid', 'guid']) expect(renamed[key]).toEqual(one[key])
  })

  test('has an empty list of results without findings', async () => {
    const { runs } = JSON.parse(await render('sarif', { findings: [] }))
    expect(runs[0].results).toEqual([])
  })
})

describe('Nmap XML', () => {
  test('has a host for each target and vantage with an address, with the states of its ports', async () => {
    const hosts = (await readXml('nmap')).nmaprun.host
    expect(
      hosts.map((host: Read) => [host.hostnames.hostname.name, host.address?.addr ?? null, host.status.state]),
    ).toEqual([
      ['epp-01@local', '10.0.0.5', 'up'],
      ['epp-02@local', '10.0.0.5', 'up'],
    ])
    const [local] = hosts
    expect(local.ports.port.map(({ portid, state }: Read) => [portid, state.state, state.reason])).toEqual([
      ['443', 'open', 'as-expected'],
      ['22', 'open', 'unexpected-state'],
    ])
  })

  test('distinguishes an unreachable port from a closed or filtered one', async () => {
    const text = await render('nmap', {
      findings: [findingOf('ssh-restricted', 'unknown', ['unreachable', 'host-unreachable'])],
    })
    const [host] = xml.parse(text).nmaprun.host
    expect(host.ports.port[0].state).toMatchObject({ state: 'unknown', reason: 'host-unreachable' })
    expect(host.status.state).toBe('unknown')
  })

  test.each([
    [true, 'up'],
    [false, 'unknown'],
  ])('has a host of silent ports alone that responded elsewhere (%s) as %s', async (hostAnswered, status) => {
    const seen = { state: 'filtered', reason: 'no-response', hostAnswered, facts: {} } as const
    const evidence = { probe: 'tcp', host: '10.0.0.5', port: 22, addresses: { '10.0.0.5': seen } } as const
    const findings = [findingOf('ssh-support', 'pass', ['filtered', 'as-expected'], { evidence })]
    const { nmaprun } = xml.parse(await render('nmap', { findings }))
    expect(nmaprun.host[0].status.state).toBe(status)
  })

  test('has a separate host for an endpoint on another host, and omits rules that do not apply', async () => {
    const evidence = {
      probe: 'ldap',
      host: 'dc1.test',
      port: 389,
      addresses: { '10.0.0.9': { state: 'open', reason: 'ldap-responded', facts: {} } },
    } as const
    const findings = [
      findingOf('client-https', 'pass', ['open', 'as-expected']),
      findingOf('ad-ldap', 'pass', ['open', 'as-expected'], { evidence }),
    ]
    const hosts = xml.parse(await render('nmap', { findings })).nmaprun.host
    expect(hosts.map((host: Read) => [host.hostnames.hostname.name, host.address.addr])).toEqual([
      ['epp-01@local', '10.0.0.5'],
      ['epp-01@local>dc1.test', '10.0.0.9'],
    ])
    expect(await render('nmap')).not.toContain('ui-https')
  })
})

describe('OSCAL Assessment Results', () => {
  test('has findings for passes and failures only, and an observation for each result', async () => {
    const [result] = (await readJson('oscal'))['assessment-results'].results
    const propOf = (name: string, { props }: Read) => props.find((prop: Read) => prop.name === name)?.value
    expect(result.observations.map((one: Read) => propOf('result', one))).toEqual(
      sampleFindings.map(({ result }) => result),
    )
    expect(result.findings.map(({ target }: Read) => [target['target-id'], target.status.state])).toEqual([
      ['client-https', 'satisfied'],
      ['ssh-restricted', 'not-satisfied'],
      ['ssh-restricted', 'not-satisfied'],
    ])
    const observed = new Set(result.observations.map(({ uuid }: Read) => uuid))
    expect(result.findings.every((one: Read) => observed.has(one['related-observations'][0]['observation-uuid']))).toBe(
      true,
    )
    expect(observed.size).toBe(sampleFindings.length)
  })

  test('has a risk for each failure, linked with its observation and finding; a waived one is an approved deviation', async () => {
    const [{ risks, findings, observations }] = (await readJson('oscal'))['assessment-results'].results
    expect(risks.map(({ status, deadline }: Read) => [status, deadline])).toEqual([
      ['open', undefined],
      ['deviation-approved', '2026-02-01T00:00:00.000Z'],
    ])
    const failed = findings.filter(({ target }: Read) => target.status.state === 'not-satisfied')
    const linksOf = (one: Read) => one['related-observations']
    expect(failed.map((one: Read) => [one['related-risks'], linksOf(one)])).toEqual(
      risks.map((risk: Read) => [[{ 'risk-uuid': risk.uuid }], linksOf(risk)]),
    )
    expect(observations.map(({ uuid }: Read) => uuid)).toEqual(
      expect.arrayContaining(risks.map((risk: Read) => linksOf(risk)[0]['observation-uuid'])),
    )
    const description = sampleAudit.policy.document.rules.find(({ id }) => id === 'ssh-restricted')?.remediation
    expect(risks[0].remediations).toMatchObject([{ lifecycle: 'recommendation', description }])
    for (const one of findings) expect('related-risks' in one).toBe(failed.includes(one))
  })

  test('gives a risk the same id in a later audit', async () => {
    const risksOf = async (request: object) =>
      JSON.parse(await render('oscal', request))['assessment-results'].results[0].risks.map(({ uuid }: Read) => uuid)
    const later = { ...sampleAudit, id: '019b7600-0000-7000-8000-000000000009' }
    expect(await risksOf({ audit: later })).toEqual(await risksOf({}))
  })

  test('includes controls with a conclusion, and excludes the others', async () => {
    const selectionOf = async (findings: ReportedFinding[]): Promise<Read> => {
      const [result] = JSON.parse(await render('oscal', { findings }))['assessment-results'].results
      const [nist] = result['reviewed-controls']['control-selections']
      const idsOf = (list: Read[] = []) => list.map((one) => one['control-id'])
      return { included: idsOf(nist['include-controls']), excluded: idsOf(nist['exclude-controls']) }
    }
    const notTested = findingOf('ssh-restricted', 'notchecked', ['unknown', 'no-vantage-in-zone'])
    const passed = findingOf('client-https', 'pass', ['open', 'as-expected'])
    expect(await selectionOf([passed, notTested])).toEqual({ included: ['sc-8'], excluded: ['ac-17', 'cm-7', 'sc-7'] })
    const all = ['sc-8', 'ac-17', 'cm-7', 'sc-7']
    expect(await selectionOf([notTested])).toEqual({ included: all, excluded: all })
  })

  test('names targets once, and controls like the NIST catalog', async () => {
    const [result] = (await readJson('oscal'))['assessment-results'].results
    expect(result['local-definitions']['inventory-items'].map(({ description }: Read) => description)).toEqual([
      'Server epp-01',
      'Server epp-02',
    ])
    expect(result['local-definitions']['inventory-items'][0].props).toEqual([{ name: 'asset-id', value: 'epp-01' }])
    const [nist] = result['reviewed-controls']['control-selections']
    expect(nist['include-controls']).toContainEqual({ 'control-id': 'ac-17' })
  })

  const schemaFile = new URL('../../../../shared/oscal/oscal_assessment-results_schema.json', import.meta.url)
  const missing = existsSync(schemaFile) ? '' : ' [skipped, ../shared/oscal is missing]'
  test.skipIf(missing !== '')(`is valid by the schema of NIST${missing}`, async () => {
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: true })
    formats.default(ajv)
    const validate = ajv.compile(JSON.parse(readFileSync(schemaFile, 'utf8')))
    const bare = {
      ...sampleAudit,
      policy: {
        ...sampleAudit.policy,
        document: {
          ...sampleAudit.policy.document,
          rules: sampleAudit.policy.document.rules.slice(0, 1).map(({ controls: _, ...rule }) => rule),
        },
      },
    }
    for (const request of [{}, { findings: [] }, { audit: bare }]) {
      const document = JSON.parse(await render('oscal', request))
      expect(validate(document), ajv.errorsText(validate.errors)).toBe(true)
    }
    const broken = await readJson('oscal')
    broken['assessment-results'].results[0].findings[0].target.status.state = 'unknown'
    expect(validate(broken)).toBe(false)
  })
})
