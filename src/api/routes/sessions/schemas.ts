import { Type } from 'typebox'
import { closedObject, nullable, Timestamp, Uuid } from '../../openapi/schemas.ts'
import { Key } from '../keys/schemas.ts'

const { scopes, targets } = Key.properties

const id = Uuid('Id of the session')
const callerId = Type.String({
  description: 'Id of the key, or `oidc:SUB` of a person',
  examples: ['0123456789ab'],
})
const name = Type.String({ description: 'Name of the key or the person', examples: ['ann'] })
const kind = Type.Enum(['key', 'oidc'], { description: 'Whether a key or an OpenID Connect issuer says who it is' })
const times = {
  createdAt: Timestamp('When the session was started', '00:15:00'),
  signedInAt: nullable(Timestamp('When the person has proven who it is', '00:15:00'), {
    description: 'When the person has proven who it is; null: the issuer does not say so',
  }),
  idleEndsAt: Timestamp('When the session ends without further use', '02:30:00'),
  endsAt: Timestamp('When the session ends in any case', '08:15:00'),
}

export const SessionParams = closedObject({ id })

export const Session = Type.Object(
  {
    id,
    caller: callerId,
    name,
    kind,
    ...times,
    lastUsedAt: Timestamp('Last use, to the minute'),
    isCurrent: Type.Boolean({ description: 'Whether it is the session of this request', examples: [false] }),
  },
  { $id: 'Session', description: 'A browser in which a person is signed in' },
)

export const Me = Type.Object(
  {
    id: callerId,
    name,
    kind,
    scopes,
    targets,
    expiresAt: nullable(Timestamp('When the key expires'), {
      description: 'When the key expires; null: never, or not known of a token',
      examples: [null],
    }),
    session: nullable(Type.Object({ id, ...times }), {
      description: 'The session; null: the request carries a key or token',
      examples: [null],
    }),
    version: Type.String({ description: 'Version of the service', examples: ['0.1.0'] }),
  },
  { $id: 'Me', description: 'Who calls' },
)
