import { hostname, networkInterfaces } from 'node:os'

/** A spelling of an address, and the address that it could mean. */
interface Spelling {
  text: string
  kind: string
}

const hex = (number: number, digits = 0) => number.toString(16).padStart(digits, '0')
const octal = (number: number) => `0${number.toString(8)}`
const fullWidth = (text: string) =>
  text.replace(/[!-~]/g, (one) => String.fromCodePoint((one.codePointAt(0) ?? 0) + 0xfee0))
const percent = (text: string) => [...text].map((one) => `%${hex(one.codePointAt(0) ?? 0, 2)}`).join('')

/** Spellings of an IPv4 address by resolvers and libraries, and embedded in IPv6. */
function ofIPv4(address: string): Spelling[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  const [high, low] = [hex((a << 8) | b), hex((c << 8) | d)]
  const flipped = `${hex(~((a << 8) | b) & 0xffff)}:${hex(~((c << 8) | d) & 0xffff)}`
  const texts: Record<string, string[]> = {
    plain: [address, ` ${address}`, `${address} `, `${address}.`, `${address}\t`, `${address}\n`, `${address}\u0000`],
    decimal: [`${whole}`, `0${whole}`, `${whole + 2 ** 32}`, `${whole}.`, `+${whole}`],
    hexadecimal: [
      `0x${hex(whole)}`,
      `0X${hex(whole)}`,
      `0x${hex(whole, 12)}`,
      [a, b, c, d].map((n) => `0x${hex(n)}`).join('.'),
    ],
    octal: [octal(whole), [a, b, c, d].map(octal).join('.'), [a, b, c, d].map((n) => `000${octal(n)}`).join('.')],
    mixed: [
      `0x${hex(a)}.${octal(b)}.${c}.${d}`,
      `${a}.0x${hex(b)}.${octal(c)}.${d}`,
      `0x${hex(a)}.${whole & 0xffffff}`,
    ],
    short: [`${a}.${whole & 0xffffff}`, `${a}.${b}.${(c << 8) | d}`, `0x${hex(a)}.1`, `${a + 256}.${b}.${c}.${d}`],
    padded: [`0${a}.0${b}.0${c}.0${d}`, `${a}.${b}.${c}.0${d}`, `${a}.${b}.${c}.${d + 256}`],
    mapped: [
      `::ffff:${address}`,
      `::ffff:${high}:${low}`,
      `0:0:0:0:0:FFFF:${high}:${low}`,
      `[::ffff:${address}]`,
      `::ffff:${address}%lo`,
    ],
    compatible: [`::${address}`, `::${high}:${low}`],
    translated: [
      `::ffff:0:${address}`,
      `64:ff9b::${high}:${low}`,
      `64:ff9b::${address}`,
      `64:ff9b:1::${high}:${low}`,
      `64:ff9b:1::${address}`,
    ],
    tunnelled: [
      `2002:${high}:${low}::`,
      `2002:${high}:${low}::1`,
      `2001:0:${high}:${low}::1`,
      `2001::${flipped}`,
      `fd00::5efe:${address}`,
      `fe80::200:5efe:${high}:${low}`,
    ],
    unicode: [
      fullWidth(address),
      address.replaceAll('.', '。'),
      address.replaceAll('1', '①'),
      address.replaceAll('.', '\u2024'),
      `${address}\u200b`,
    ],
    encoded: [percent(address), address.replaceAll('.', '%2e'), percent(percent(address))],
    disguised: [
      `x@${address}`,
      `127.0.0.2@${address}`,
      `127.0.0.2#@${address}`,
      `127.0.0.2\\@${address}`,
      `127.0.0.2 ${address}`,
      `127.0.0.2,${address}`,
      `127.0.0.2\u0000.${address}`,
      `//${address}`,
      `http://${address}`,
      `${address}/`,
      `${address}:80`,
      `[${address}]`,
    ],
  }
  return Object.entries(texts).flatMap(([kind, all]) => all.map((text) => ({ kind, text })))
}

const loopback6 = [
  '::1',
  '0:0:0:0:0:0:0:1',
  '::0001',
  '0::1',
  '::0.0.0.1',
  '::1%lo',
  '::1%1',
  '::1%25lo',
  '[::1]',
  '[::1%lo]',
  '::ffff:0:1',
  '::',
  '0:0:0:0:0:0:0:0',
  '::0',
  '::1/128',
  fullWidth('::1'),
]
const names = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'LocalHost.',
  'localhost..',
  '.localhost',
  'localhost\u0000',
  'loc%61lhost',
  fullWidth('localhost'),
  'local\u00adhost',
  'ⓛocalhost',
  'ip6-localhost',
  'ip6-loopback',
  '127.0.0.2@localhost',
  'localhost#',
  hostname(),
]

/** Distinct spellings of local addresses other than 127.0.0.2. */
export function spellings(): Spelling[] {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const ownIPv4 = own.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
  const ownIPv6 = own.filter(({ family }) => family === 'IPv6').flatMap(({ address }) => [address, `${address}%lo`])
  const all = [
    ...['127.0.0.1', '127.0.0.3', '0.0.0.0', ...ownIPv4.slice(0, 1)].flatMap(ofIPv4),
    ...[...loopback6, ...ownIPv6].map((text) => ({ kind: 'IPv6', text })),
    ...names.map((text) => ({ kind: 'name', text })),
  ]
  return [...new Map(all.map((one) => [one.text, one])).values()]
}
