import { createServer } from 'node:http'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { listen } from './listen.ts'

export interface Signing {
  alg?: string
  kid?: string
  typ?: string
  /** Default: the issuer's newest key. */
  key?: CryptoKey | Uint8Array
}

export interface TestIssuer {
  /** The value of `iss`. */
  url: string
  /** The published keys, newest last. */
  keys: JWK[]
  /** Extra members of the discovery document. */
  metadata: Record<string, unknown>
  /** Whether it responds with 500. */
  broken: boolean
  /** The number of key requests. */
  reads: number
  /** Replaces all keys with a new one. */
  rotate(alg?: string): Promise<void>
  /** A token for five minutes, subject `ann`, audience `portwarden`, unless the claims differ. */
  sign(claims?: JWTPayload, signing?: Signing): Promise<string>
  close(): Promise<void>
}

/** An OpenID Connect issuer on loopback, with discovery document and keys. */
export async function startIssuer(): Promise<TestIssuer> {
  let newest: { kid: string; alg: string; privateKey: CryptoKey } | undefined
  let made = 0
  const server = createServer((request, response) => {
    const { url, keys, metadata, broken } = issuer
    if (request.url === '/keys') issuer.reads += 1
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys`, ...metadata },
      '/keys': { keys },
    }
    const document = documents[request.url ?? '']
    response.writeHead(broken ? 500 : document ? 200 : 404, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(document ?? {}))
  })
  const { port, close } = await listen(server)
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${port}`,
    keys: [],
    metadata: {},
    broken: false,
    reads: 0,
    async rotate(alg = 'ES256') {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      const kid = `key-${++made}`
      newest = { kid, alg, privateKey }
      issuer.keys = [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }]
    },
    async sign(claims = {}, signing = {}) {
      if (!newest) throw new Error('the issuer has no key')
      const now = Math.floor(Date.now() / 1000)
      const standard = { iss: issuer.url, aud: 'portwarden', sub: 'ann', iat: now, exp: now + 300 }
      return new SignJWT({ ...standard, ...claims })
        .setProtectedHeader({
          alg: signing.alg ?? newest.alg,
          kid: signing.kid ?? newest.kid,
          ...(signing.typ && { typ: signing.typ }),
        })
        .sign(signing.key ?? newest.privateKey)
    },
    close,
  }
  await issuer.rotate()
  return issuer
}
