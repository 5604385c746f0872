import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mustRun } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

const curves = { ec: 'P-256', p384: 'P-384', brainpool: 'brainpoolP256r1' }
type KeyKind = keyof typeof curves | 'rsa:1024' | 'rsa:2048' | 'ed25519'

export interface CertificateOptions {
  /** The subject's CN. */
  commonName: string
  /** In openssl.cnf syntax: `DNS:a.test,IP:127.0.0.1`; empty for none. */
  subjectAltName: string
  /** Default: `serverAuth,clientAuth`. */
  extendedKeyUsage?: string
  /** Days from now, may be negative; the half day keeps "whole days left" stable. */
  fromDays?: number
  toDays?: number
  /** Default: EC P-256 (5 ms); RSA takes up to a hundred times that. */
  key?: KeyKind
  /** Of the signature; default `sha256`. */
  digest?: 'sha1' | 'sha256'
  /** RFC 7633. */
  mustStaple?: true
}

export interface Certificate {
  /** PEM, and the same as files. */
  cert: string
  key: string
  certPath: string
  keyPath: string
  /** The certificate and its issuer's, in the order of a TLS server. */
  chainPath: string
}

export interface Authority {
  /** The trust anchor for clients. */
  ca: string
  caPath: string
  issue: (request: CertificateOptions) => Promise<Certificate>
  /** A new authority below this one, with further extensions in openssl.cnf syntax. */
  subordinate: (commonName: string, extensions?: readonly string[]) => Promise<Authority>
  /** Self-signed, independent of the authority. */
  selfSign: (request: CertificateOptions) => Promise<Certificate>
  /** Revokes an issued certificate for `keyCompromise`, or with another reason of `openssl ca`. */
  revoke: (certificate: Certificate, reason?: string) => Promise<void>
  /** Path of a DER OCSP response about an issued certificate, valid for a week. */
  ocspResponse: (certificate: Certificate, options?: OcspOptions) => Promise<string>
}

interface OcspOptions {
  /** Default: the authority itself. */
  responder?: Certificate
  /** The responder knows nothing of the certificate. */
  unknown?: true
  /** Of the signature; default `sha256`. */
  digest?: 'sha1' | 'sha256'
}

/** A new certificate authority (openssl command); its files are removed at exit. `options` are those of `openssl req`. */
export async function createAuthority(
  commonName: string,
  key: KeyKind = 'ec',
  options: readonly string[] = [],
): Promise<Authority> {
  const { path: directory } = await makeTempDir('ca')
  const file = (name: string) => join(directory, name)
  const [caPath, caKeyPath] = [file('ca.pem'), file('ca.key')]
  await writeFile(file('openssl.cnf'), opensslConfig(directory))
  await writeFile(file('index.txt'), '')
  const self = ['-x509', '-days', '400', '-subj', `/CN=${commonName}`, ...options]
  await mustRun('openssl', ['req', ...self, ...newKey(key, caKeyPath), '-out', caPath])
  const ca = await readFile(caPath, 'utf8')

  let made = 0
  let responses = 0
  let idle: Promise<unknown> = Promise.resolve()
  /** One request at a time, because `openssl ca` does not lock its index. */
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = idle.then(work)
    idle = result.catch(() => {})
    return result
  }

  const make = async (options: CertificateOptions, signer: 'authority' | 'itself'): Promise<Certificate> => {
    made += 1
    const stem = file(String(made))
    const paths = { certPath: `${stem}.pem`, keyPath: `${stem}.key`, chainPath: `${stem}.chain.pem` }
    const request = [
      ...['-subj', `/CN=${options.commonName}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', `extendedKeyUsage=${options.extendedKeyUsage ?? 'serverAuth,clientAuth'}`],
      ...(options.mustStaple ? ['-addext', 'tlsfeature=status_request'] : []),
      ...(options.subjectAltName === '' ? [] : ['-addext', `subjectAltName=${options.subjectAltName}`]),
    ]
    await mustRun('openssl', ['req', ...request, ...newKey(options.key ?? 'ec', paths.keyPath), '-out', `${stem}.csr`])
    const signing = [
      ...['-batch', '-notext', '-config', file('openssl.cnf'), '-in', `${stem}.csr`, '-out', paths.certPath],
      ...['-md', options.digest ?? 'sha256'],
      ...['-startdate', opensslTime(options.fromDays ?? -1), '-enddate', opensslTime(options.toDays ?? 90.5)],
      ...(signer === 'itself' ? ['-selfsign', '-keyfile', paths.keyPath] : ['-cert', caPath, '-keyfile', caKeyPath]),
    ]
    await inTurn(() => mustRun('openssl', ['ca', ...signing]))
    const cert = await readFile(paths.certPath, 'utf8')
    await writeFile(paths.chainPath, signer === 'itself' ? cert : cert + ca)
    return { ...paths, cert, key: await readFile(paths.keyPath, 'utf8') }
  }

  return {
    ca,
    caPath,
    issue: (request) => make(request, 'authority'),
    subordinate: (name, extensions = []) =>
      createAuthority(name, 'ec', [
        '-CA',
        caPath,
        '-CAkey',
        caKeyPath,
        ...extensions.flatMap((one) => ['-addext', one]),
      ]),
    selfSign: (request) => make(request, 'itself'),
    revoke: async ({ certPath }, reason = 'keyCompromise') => {
      const signing = ['-config', file('openssl.cnf'), '-cert', caPath, '-keyfile', caKeyPath]
      await inTurn(() => mustRun('openssl', ['ca', ...signing, '-revoke', certPath, '-crl_reason', reason]))
    },
    ocspResponse: async ({ certPath }, { responder: signer, unknown, digest = 'sha256' } = {}) => {
      responses += 1
      const request = `${certPath}.ocsp-request-${responses}`
      const response = `${certPath}.ocsp-response-${responses}`
      const index = file(unknown ? 'nothing.txt' : 'index.txt')
      if (unknown) await writeFile(index, '')
      await mustRun('openssl', ['ocsp', '-no_nonce', '-issuer', caPath, '-cert', certPath, '-reqout', request])
      const [cert, key] = signer ? [signer.certPath, signer.keyPath] : [caPath, caKeyPath]
      const responder = ['-index', index, '-CA', caPath, '-rsigner', cert, '-rkey', key, '-rmd', digest]
      await mustRun('openssl', ['ocsp', ...responder, '-ndays', '7', '-reqin', request, '-respout', response])
      return response
    },
  }
}

let shared: Promise<Authority> | undefined

/** The default authority of the peers of this process. */
export function peerAuthority(): Promise<Authority> {
  shared ??= createAuthority('Portwarden Test CA')
  return shared
}

function newKey(key: KeyKind, path: string): string[] {
  const kind = key in curves ? ['ec', '-pkeyopt', `ec_paramgen_curve:${curves[key as keyof typeof curves]}`] : [key]
  return ['-nodes', '-keyout', path, '-newkey', ...kind]
}

function opensslTime(daysFromNow: number): string {
  const time = new Date(Date.now() + daysFromNow * 86_400_000).toISOString()
  return `${time.replace(/\.\d+Z$/, '').replace(/\D/g, '')}Z`
}

/** Unlike `openssl req`, `openssl ca` can backdate, but needs a configuration. */
function opensslConfig(directory: string): string {
  return `
[ca]
default_ca = peers
[peers]
database = ${directory}/index.txt
new_certs_dir = ${directory}
rand_serial = yes
unique_subject = no
copy_extensions = copy
default_md = sha256
policy = any
[any]
commonName = supplied
`
}
