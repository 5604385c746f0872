import { type Static, Type } from 'typebox'
import { mayHaveMissed, type Reasons, type SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, list, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, omitted, type Seen, spoke, texts } from './protocol.ts'

const algorithmLists = [
  'kex',
  'hostKey',
  'cipherClientToServer',
  'cipherServerToClient',
  'macClientToServer',
  'macServerToClient',
  'compressionClientToServer',
  'compressionServerToClient',
] as const

const SshFacts = closedObject({
  identification: Type.Optional(Type.String({ description: 'As sent, control bytes escaped; RFC 4253 section 4.2' })),
  protocolVersion: Type.Optional(Type.String({ examples: ['2.0', '1.99'] })),
  software: Type.Optional(Type.String()),
  algorithms: Type.Optional(
    Type.Partial(
      closedObject(
        Object.fromEntries(algorithmLists.map((list) => [list, texts])) as Record<
          (typeof algorithmLists)[number],
          typeof texts
        >,
      ),
      { description: 'The eight lists of SSH_MSG_KEXINIT in the order of RFC 4253 section 7.1' },
    ),
  ),
  hostKey: Type.Optional(
    closedObject({
      type: Type.String({ examples: ['ssh-ed25519'] }),
      sha256: Type.String({ description: 'As ssh-keygen -l prints it: SHA256:base64 without padding' }),
      verified: Type.Boolean({ description: 'The signature over the key exchange verified with this key' }),
    }),
  ),
  spoke,
  omitted,
})
export type SshFacts = Static<typeof SshFacts>

const reasons = {
  'ssh-ok': { about: 'peer', message: 'The peer speaks SSH and proved its host key.' },
  'ssh-no-common-algorithm': {
    about: 'peer',
    message: 'The peer speaks SSH; no common key exchange, so its host key is not known.',
  },
  'ssh-refused': { about: 'peer', message: 'The peer speaks SSH and ended the connection before the key exchange.' },
  'ssh-signature-invalid': {
    about: 'peer',
    message: 'The peer could not prove its SSH host key: the signature is wrong. Treat as an interception.',
  },
  'ssh-not-spoken': { about: 'rule', message: 'The port is open and does not speak SSH.' },
  'ssh-version-too-old': { about: 'rule', message: 'The SSH protocol version is older than the rule allows.' },
  'ssh-host-key-mismatch': { about: 'rule', message: 'The SSH host key is not one that the rule pins.' },
  'ssh-algorithm-forbidden': { about: 'rule', message: 'The SSH server offers an algorithm that the rule forbids.' },
} as const satisfies Reasons
type SshReason = keyof typeof reasons | SharedReason

const SshExpectation = closedObject({
  speaks: optional(Flag),
  minVersion: optional(Type.Enum(['1.99', '2.0'])),
  hostKeys: optional(
    list(Type.String({ pattern: '^SHA256:[A-Za-z0-9+/]{43}$', examples: [`SHA256:${'0123'.repeat(10)}abc`] })),
  ),
  forbid: optional(list(Type.String({ maxLength: 100 }))),
})

const versions = ['1.5', '1.99', '2.0']

function violation<Code extends string>(
  demand: Demand<typeof SshExpectation>,
  { facts, reason }: Seen<SshFacts, Code>,
): SshReason | Code | undefined {
  if (!facts.identification)
    return demand.speaks && reason !== 'ssh-refused' && !mayHaveMissed(reason) ? 'ssh-not-spoken' : reason
  if (reason === 'ssh-signature-invalid') return reason
  if (demand.minVersion && versions.indexOf(facts.protocolVersion ?? '') < versions.indexOf(demand.minVersion))
    return 'ssh-version-too-old'
  if (demand.hostKeys) {
    if (!facts.hostKey?.verified) return 'facts-missing'
    if (!demand.hostKeys.includes(facts.hostKey.sha256)) return 'ssh-host-key-mismatch'
  }
  if (demand.forbid) {
    const lists = algorithmLists.map((list) => facts.algorithms?.[list])
    const offered = new Set(lists.flat())
    if (demand.forbid.some((name) => offered.has(name))) return 'ssh-algorithm-forbidden'
    if (lists.includes(undefined)) return 'facts-missing'
  }
  return undefined
}

const sshGroup: ExpectationGroup<typeof SshExpectation, SshFacts, SshReason> = { schema: SshExpectation, violation }

const isBanner = ({ facts }: Seen<SshFacts>) => facts.protocolVersion === '2.0'

/** SSH up to the host key, without authentication. */
export const ssh = defineProtocol({
  name: 'ssh',
  defaultPort: 22,
  facts: SshFacts,
  expects: { ssh: sshGroup },
  options: closedObject({}),
  optionsFor: () => ({}),
  awaits: ({ identification, algorithms }) =>
    identification === undefined ? 'SSH identification' : algorithms ? 'SSH host key' : 'SSH key exchange',
  reasons,
  modules: {
    ssh_banner: {
      succeeds: isBanner,
      misspoke: (seen) => seen.state === 'open' && !isBanner(seen) && seen.reason !== 'protocol-timeout',
    },
  },
  // Another host key means another machine, or an interception.
  significance: { hostKey: 'alert', algorithms: 'notice' },
})
