import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostileText } from './hostile-texts.ts'
import { ldapResult, ldapTags, rootDseResponse } from './ldap-bytes.ts'
import { type HostilePeer, startHostile } from './peers/hostile.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { mustRun } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

/** Invalid UTF-8. */
const brokenBytes = Buffer.from([0xff, 0xc3, 0x28, 0xf0, 0x9f])

export interface HostilePeers extends Peer {
  ssh: HostilePeer
  /** Each sends some of the texts in its header `Server`. */
  http: HostilePeer[]
  tls: HostilePeer
  ldap: HostilePeer
  /** Its certificate, without a matching name. */
  certificate: Identity
  /** Without alternative names. */
  nameless: Identity
}

type Identity = { cert: string; key: string }

/** Texts that a strict HTTP parser accepts in a header. */
export const isHeaderText = ({ text }: HostileText): boolean => !/[^\P{Cc}\t\u0080-\u009f]/u.test(text)
/** Texts that fit into a line of SSH. */
export const isLineText = ({ text }: HostileText): boolean => !['\0', '\r', '\n'].some((one) => text.includes(one))
/** Texts that the openssl command accepts in a certificate. */
export const isNameText = ({ text }: HostileText): boolean => !text.includes('\0')

/** Peers that send the texts in every free field: banner, header, certificate, attributes. */
export async function startHostilePeers(texts: readonly HostileText[]): Promise<HostilePeers> {
  const directory = await makeTempDir('hostile')
  const certificate = await makeCertificate(directory.path, texts.filter(isNameText))
  const nameless = await selfSign(directory.path, `/CN=${escapeName(texts[0]?.text ?? '')}\u009b2J`)
  const line = Buffer.concat([
    Buffer.from(
      `SSH-2.0-${texts
        .filter(isLineText)
        .map(({ text }) => text)
        .join(' ')}`,
    ),
    brokenBytes,
    Buffer.from('\r\n'),
  ])
  const ssh = await startHostile([{ send: line }, 'end'])
  const http = await Promise.all(
    portions(
      texts.filter(isHeaderText).map(({ text }) => text),
      280,
    ).map((server) => startHostile([{ upgrade: certificate }, { receive: 1 }, { send: response(server) }, 'end'])),
  )
  const tls = await startHostile([{ upgrade: certificate }, { receive: 1 }, 'end'])
  const values = [...texts.map(({ text }) => text), brokenBytes, 'long'.repeat(5_000)]
  let probed = 0
  const ldap = await startHostile([
    {
      // From the second probe on, so that they are drift too.
      reply: () =>
        rootDseResponse(1, { dnsHostName: ['dc'], supportedSASLMechanisms: probed++ === 0 ? ['none'] : values }),
    },
    { reply: () => ldapResult(2, ldapTags.extended, 2) },
    'end',
  ])
  const stops = [ssh, ...http, tls, ldap].map(({ stop }) => stop)
  return asPeer({ ssh, http, tls, ldap, certificate, nameless }, ...stops, directory.remove)
}

const response = (server: string) =>
  `HTTP/1.1 200 ${'\u009b31m'}OK\r\nServer: ${server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`

/** Joins texts into chunks of at most this many bytes. */
function portions(texts: readonly string[], most: number): string[] {
  const all: string[] = []
  for (const text of texts) {
    const joined = `${all.at(-1)} ${text}`
    if (all.length > 0 && Buffer.byteLength(joined) <= most) all[all.length - 1] = joined
    else all.push(text)
  }
  return all
}

/** With the texts as names and, if possible, as alternative names. */
function makeCertificate(directory: string, texts: readonly HostileText[]): Promise<Identity> {
  const names = texts.map(({ text }) => `/name=${escapeName(text)}`).join('')
  const alternatives = texts
    .filter(({ text }) => /^[^\n\r,\u0080-\uffff]*$/.test(text))
    .map(({ text }) => `DNS:${text.replace(/[\\"$#;]/g, '')}`)
  return selfSign(directory, `/CN=hostile${names}`, ['-addext', `subjectAltName=${alternatives.join(',')}`])
}

const escapeName = (text: string) => text.replace(/[/\\+=]/g, '\\$&')

/** A self-signed certificate. */
async function selfSign(directory: string, subject: string, more: readonly string[] = []): Promise<Identity> {
  const [certPath, keyPath] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyPath]
  await mustRun('openssl', [
    'req',
    '-x509',
    '-days',
    '30',
    '-utf8',
    '-subj',
    subject,
    ...more,
    ...key,
    '-out',
    certPath,
  ])
  return { cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') }
}
