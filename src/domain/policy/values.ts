import { type Static, type TSchema, Type } from 'typebox'
import { closedObject } from './shape.ts'

export const optional = <S extends TSchema>(schema: S) => Type.Optional(schema)
export const list = <S extends TSchema>(items: S) => Type.Array(items, { maxItems: 100, uniqueItems: true })

export const Port = Type.Integer({ title: 'port', minimum: 1, maximum: 65535 })
export const Scalar = Type.Union([
  Type.String({ maxLength: 100_000 }),
  Type.Number({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  Type.Boolean(),
])

/** `{ value, equals }` or `{ value, differsFrom }`. */
export const Comparison = Type.Union([
  closedObject({ value: Scalar, equals: Scalar }),
  closedObject({ value: Scalar, differsFrom: Scalar }),
])
export type Comparison = Static<typeof Comparison>
export const Flag = Type.Union([Type.Boolean(), Comparison])

export const CredentialRef = Type.String({
  pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$',
  maxLength: 500,
  examples: ['env:LDAP_BIND'],
  description:
    'Where the worker at the vantage finds the credential: env:NAME or file:/PATH; never the credential itself',
})

/** One or more certificates; a base64 text that begins with MI is a DER sequence of the size that certificates have. */
export const Pem = Type.String({
  pattern: '-----BEGIN CERTIFICATE-----\\s+MI[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----',
  maxLength: 100_000,
  examples: ['-----BEGIN CERTIFICATE-----\nMII…\n-----END CERTIFICATE-----'],
  description: 'PEM certificates that are trusted besides the system',
})

/** The same value once its comparisons are booleans. */
export type Evaluated<T> = T extends Comparison
  ? never
  : T extends unknown[]
    ? T
    : T extends object
      ? { [K in keyof T]: Evaluated<T[K]> }
      : T
