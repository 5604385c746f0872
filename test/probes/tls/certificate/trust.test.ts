import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authoritiesWith } from '../../../../src/probes/tls/certificate/authorities.ts'
import { judgeTrust } from '../../../../src/probes/tls/certificate/trust.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun, run } from '../../../support/processes.ts'
import { makeTempDir, type TempDir } from '../../../support/temp-dir.ts'

interface Made {
  path: string
  pem: string
  certificate: X509Certificate
}

const ca = 'basicConstraints=critical,CA:TRUE'
const p256 = ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
const leafOf = 'basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:leaf.lab.test'

describeWithPeers(['openssl'], 'trust', () => {
  let directory: TempDir
  let serial = 0

  beforeAll(async () => {
    directory = await makeTempDir('trust')
  })
  afterAll(() => directory.remove())

  const file = (name: string) => join(directory.path, name)
  const newFile = () => {
    serial += 1
    return file(String(serial))
  }

  /** Signed by `issuer`, or self-signed; with extensions and options of `openssl x509`. Without extensions of version 1. */
  async function make(name: string, issuer: Made | undefined, extensions: string, ...options: string[]): Promise<Made> {
    const path = newFile()
    const key = file(`${name}.key`)
    const kind = name.startsWith('RSA 1024') ? ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024'] : p256
    await mustRun('openssl', ['genpkey', '-algorithm', ...kind, '-out', key])
    await mustRun('openssl', ['req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', `${path}.csr`])
    if (extensions !== '') await writeFile(`${path}.ext`, extensions)
    const signer = issuer
      ? ['-CA', issuer.path, '-CAkey', file(`${issuer.certificate.subject.slice(3)}.key`)]
      : ['-signkey', key]
    const validity = options.includes('-days') ? [] : ['-days', '30']
    const serials = ['-set_serial', String(1000 + serial)]
    await mustRun('openssl', [
      ...[
        'x509',
        '-req',
        '-in',
        `${path}.csr`,
        ...(extensions === '' ? [] : ['-extfile', `${path}.ext`]),
        '-out',
        path,
      ],
      ...[...signer, ...validity, ...serials, ...options],
    ])
    const pem = await mustRun('cat', [path])
    return { path, pem, certificate: new X509Certificate(pem) }
  }

  /** Our path search, as after a handshake that failed before OpenSSL verified. */
  const search = (chain: Made[], trusted: Made[], verdict?: string | null) => {
    const { trustedUntil: _, ...trust } = judge(chain, trusted, verdict)
    return trust
  }
  const judge = (chain: Made[], trusted: Made[], verdict?: string | null) =>
    judgeTrust({
      chain: chain.map(({ certificate }) => certificate),
      verdict,
      authorities: authoritiesWith(trusted.map(({ pem }) => pem).join('\n')),
      now: Date.now(),
    })

  /** The verdict of `openssl verify`. */
  async function verified(chain: Made[], trusted: Made[], ...options: string[]): Promise<boolean> {
    const [leaf, ...rest] = chain
    const bundles = { trusted: newFile(), rest: newFile() }
    await writeFile(bundles.trusted, trusted.map(({ pem }) => pem).join('\n'))
    await writeFile(bundles.rest, rest.map(({ pem }) => pem).join('\n'))
    const { code } = await run('openssl', [
      ...['verify', '-purpose', 'sslserver', '-partial_chain', '-no-CApath', '-no-CAstore'],
      ...['-CAfile', bundles.trusted, ...(rest.length > 0 ? ['-untrusted', bundles.rest] : [])],
      ...[...options, leaf?.path ?? ''],
    ])
    return code === 0
  }

  test('our path search trusts exactly what openssl verify trusts', async () => {
    const root = await make('Root', undefined, ca)
    const other = await make('Other Root', undefined, ca)
    const middle = await make('Middle', root, `${ca},pathlen:0\nkeyUsage=keyCertSign`)
    const lower = await make('Lower', middle, ca)
    const wide = await make('Wide', root, `${ca},pathlen:1`)
    const below = await make('Below', wide, ca)
    const plain = await make('Not An Authority', root, leafOf)
    const noSigning = await make('May Not Sign', root, `${ca}\nkeyUsage=cRLSign`)
    const forClients = await make('For Clients', root, `${ca}\nextendedKeyUsage=clientAuth`)
    const forServers = await make('For Servers', root, `${ca}\nextendedKeyUsage=serverAuth`)
    const past = await make('Past', root, ca, '-days', '-1')
    const old = await make('Version 1', undefined, '')
    const oldMiddle = await make('Version 1 Middle', root, '')

    const issued = (issuer: Made, more = '') =>
      make(`leaf of ${issuer.certificate.subject.slice(3)}`, issuer, leafOf + more)
    const byRoot = await issued(root)
    const byMiddle = await issued(middle)
    const cases: [string, Made[], Made[], boolean][] = [
      ['directly', [byRoot], [root], true],
      ['over an intermediate', [byMiddle, middle], [root], true],
      ['with the root sent too', [byMiddle, middle, root], [root], true],
      ['out of order, with an unrelated certificate', [await issued(below), other, below, wide], [root], true],
      ['for servers only', [await issued(forServers), forServers], [root], true],
      ['a pinned intermediate', [byMiddle], [middle], true],
      ['a pinned leaf', [byRoot], [byRoot], true],
      ['a root of version 1', [await issued(old)], [old], true],
      ['behind many others', [byMiddle, ...Array(30).fill(other), middle], [root], true],
      ['an intermediate of version 1', [await issued(oldMiddle), oldMiddle], [root], false],
      ['another root', [byRoot], [other], false],
      ['another root, sent', [byRoot, root], [other], false],
      ['a missing intermediate', [byMiddle], [root], false],
      ['too long a path', [await issued(lower), lower, middle], [root], false],
      ['an issuer that is not an authority', [await issued(plain), plain], [root], false],
      ['a pinned issuer that is not an authority', [await issued(plain)], [plain], false],
      ['an issuer that may not sign', [await issued(noSigning), noSigning], [root], false],
      ['an issuer for clients', [await issued(forClients), forClients], [root], false],
      ['a leaf for clients', [await issued(root, '\nextendedKeyUsage=clientAuth')], [root], false],
      ['an expired intermediate', [await issued(past), past], [root], false],
    ]
    for (const [name, chain, trusted, expected] of cases) {
      expect([name, await verified(chain, trusted)]).toEqual([name, expected])
      expect([name, search(chain, trusted).trusted]).toEqual([name, expected])
    }
  })

  test('a trusted chain lasts until the last path to an anchor ends, and an outdated leaf has none', async () => {
    const root = await make('Renewed Root', undefined, ca)
    const again = async (days: string): Promise<Made> => {
      const path = newFile()
      const [request, extensions] = [`${root.path}.csr`, `${root.path}.ext`]
      const signing = ['-extfile', extensions, '-signkey', file('Renewed Root.key'), '-days', days, '-out', path]
      await mustRun('openssl', ['x509', '-req', '-in', request, ...signing])
      const pem = await mustRun('cat', [path])
      return { path, pem, certificate: new X509Certificate(pem) }
    }
    const [soon, later] = [await again('5'), await again('10')]
    const leaf = await make('leaf of renewed', root, leafOf, '-days', '20')
    const untilOf = (trusted: Made[]) => judge([leaf], trusted).trustedUntil
    const endOf = ({ certificate }: Made) => certificate.validToDate.getTime()
    expect(untilOf([soon])).toBe(endOf(soon))
    expect(untilOf([soon, later])).toBe(endOf(later))
    expect(untilOf([soon, root, later])).toBe(endOf(leaf))
    expect(untilOf([])).toBeUndefined()
    const past = await make('past of renewed', root, leafOf, '-days', '-1')
    expect(judge([past], [root], 'CERT_HAS_EXPIRED')).toEqual({ trusted: true })
  })

  test('the dates of the leaf do not affect its trust; without a path the error is that of OpenSSL', async () => {
    const root = await make('Dated Root', undefined, ca)
    const leaf = await make('dated leaf', root, leafOf, '-days', '-1')
    expect(await verified([leaf], [root])).toBe(false)
    expect(await verified([leaf], [root], '-no_check_time')).toBe(true)
    expect(search([leaf], [root], 'CERT_HAS_EXPIRED')).toEqual({ trusted: true })
    expect(search([leaf], [], 'CERT_HAS_EXPIRED')).toEqual({
      trusted: false,
      trustError: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    })
    expect(search([leaf, root], [], 'CERT_HAS_EXPIRED')).toEqual({
      trusted: false,
      trustError: 'SELF_SIGNED_CERT_IN_CHAIN',
    })
    const self = await make('dated self', undefined, leafOf, '-days', '-1')
    expect(search([self], [], 'CERT_HAS_EXPIRED')).toEqual({
      trusted: false,
      trustError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    })
  })

  test('an authority on the way with a short key is not trusted, as openssl verify says at level 2', async () => {
    const root = await make('Strong Root', undefined, ca)
    const short = await make('RSA 1024 authority', root, ca)
    const leaf = await make('leaf of short', short, leafOf)
    expect(await verified([leaf, short], [root], '-auth_level', '2')).toBe(false)
    expect(await verified([leaf, short], [root], '-auth_level', '0')).toBe(true)
    expect(search([leaf, short], [root])).toEqual({ trusted: false, trustError: 'CA_KEY_TOO_SMALL' })
    const shortLeaf = await make('RSA 1024 leaf', root, leafOf)
    expect(search([shortLeaf], [root])).toEqual({ trusted: true })
  })

  test('a trusted root with a short key is not trusted either, as openssl verify says at level 2', async () => {
    const root = await make('RSA 1024 root', undefined, ca)
    const leaf = await make('leaf of short root', root, leafOf)
    expect(await verified([leaf], [root], '-auth_level', '2')).toBe(false)
    expect(await verified([leaf], [root], '-auth_level', '0')).toBe(true)
    for (const verdict of [undefined, null])
      expect(search([leaf], [root], verdict)).toEqual({ trusted: false, trustError: 'CA_KEY_TOO_SMALL' })
  })

  test('an expired authority is an error even if the leaf is valid', async () => {
    const root = await make('Root Of Past', undefined, ca, '-days', '-1')
    const leaf = await make('leaf of past', root, leafOf)
    expect(search([leaf], [root], 'CERT_HAS_EXPIRED')).toEqual({ trusted: false, trustError: 'CERT_HAS_EXPIRED' })
  })

  test('our path search does not decide on constraints that it does not check', async () => {
    const root = await make('Free Root', undefined, ca)
    const named = await make('Named', root, `${ca}\nnameConstraints=permitted;DNS:other.test`)
    const leaf = await make('named leaf', named, leafOf)
    expect(search([leaf, named], [root])).toEqual({})
    const critical = await make('critical leaf', root, `${leafOf}\n1.2.3.4=critical,DER:0500`)
    expect(search([critical], [root])).toEqual({})
    const harmless = await make('harmless leaf', root, `${leafOf}\n1.2.3.4=DER:0500`)
    expect(search([harmless], [root])).toEqual({ trusted: true })
  })

  test('a chain with a SHA-1 signature is not trusted, except on the root itself', async () => {
    const root = await make('Old Root', undefined, ca, '-sha1')
    const leaf = await make('old leaf', root, leafOf, '-sha1')
    expect(await verified([leaf], [root], '-auth_level', '1')).toBe(false)
    expect(search([leaf], [root])).toEqual({ trusted: false, trustError: 'CA_MD_TOO_WEAK' })
    const fresh = await make('fresh leaf', root, leafOf)
    expect(await verified([fresh], [root], '-auth_level', '1')).toBe(true)
    expect(search([fresh], [root])).toEqual({ trusted: true })
  })

  test.each(['below a root of version 1', 'behind many others'])(
    'an authority with a SHA-1 signature %s',
    async (where) => {
      const root = await make(`Root ${where}`, undefined, where.endsWith('1') ? '' : ca)
      const middle = await make(`Middle ${where}`, root, ca, '-sha1')
      const leaf = await make(`leaf ${where}`, middle, leafOf)
      const chain = [leaf, ...Array(where.endsWith('1') ? 0 : 30).fill(root), middle]
      expect(await verified(chain, [root], '-auth_level', '0')).toBe(true)
      expect(await verified(chain, [root], '-auth_level', '1')).toBe(false)
      expect(search(chain, [root], null)).toEqual({ trusted: false, trustError: 'CA_MD_TOO_WEAK' })
    },
  )

  test('a chain that OpenSSL trusts and our path search does not understand is not known to be strong', async () => {
    const leaf = await make('leaf of another path', undefined, leafOf)
    expect(search([leaf], [], null)).toEqual({})
  })

  test('an invalid bundle adds no trust and does not throw; valid certificates in it count', async () => {
    const root = await make('Bundled Root', undefined, ca)
    const leaf = await make('bundled leaf', root, leafOf)
    const trustedWith = (bundle: string) =>
      judgeTrust({
        chain: [leaf.certificate],
        verdict: undefined,
        authorities: authoritiesWith(bundle),
        now: Date.now(),
      })
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    for (const bundle of ['', 'no PEM', bad]) expect(trustedWith(bundle).trusted).toBe(false)
    expect(trustedWith(`# comment\n${bad}${root.pem}`).trusted).toBe(true)
  })
})
