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

const HostCertificate = closedObject(
  {
    kind: Type.Enum(['host', 'user', 'other'], { description: 'What the authority issued it for' }),
    keyId: Type.String(),
    serial: Type.String({ description: 'Decimal: up to 64 bits' }),
    principals: Type.Optional(Type.Array(Type.String(), { description: 'Host names; empty for every host' })),
    validAfter: Type.Optional(Type.String({ description: 'RFC 3339; absent without such a limit' })),
    validBefore: Type.Optional(Type.String({ description: 'RFC 3339; absent without such a limit' })),
    authority: closedObject({
      type: Type.String({ examples: ['ssh-ed25519'] }),
      sha256: Type.String({ description: 'As ssh-keygen -L prints it' }),
      verified: Type.Boolean({ description: 'The signature over the certificate verified with this key' }),
    }),
  },
  { description: 'Of a server that has its host key in an OpenSSH certificate only; `hostKey` is the key inside' },
)

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
  hostCertificate: Type.Optional(HostCertificate),
  refusal: Type.Optional(
    closedObject(
      {
        code: Type.Optional(
          Type.Integer({ description: 'The reason code of SSH_MSG_DISCONNECT, RFC 4253 section 11.1', examples: [12] }),
        ),
        text: Type.String({ examples: ['Too many connections'] }),
      },
      {
        description:
          'With which the peer refused the connection: SSH_MSG_DISCONNECT, or a line before its identification',
      },
    ),
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
  'ssh-no-common-version': {
    about: 'peer',
    message: 'The peer speaks only version 1 of SSH, which has no key exchange that a client of today accepts.',
  },
  'ssh-refused': {
    about: 'peer',
    message: 'The peer identified itself as SSH and ended the connection before the key exchange was complete.',
  },
  'ssh-refused-for-now': {
    about: 'peer',
    message:
      'The peer speaks SSH and refuses more connections for now, in general or from this vantage: probe again later.',
    undecided: true,
  },
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

/** A list in one text, a pattern such as `*-cbc` or a `+` of sshd_config would match no name, and so forbid nothing. */
const AlgorithmName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9@._+/=-]*$',
  maxLength: 100,
  examples: ['hmac-md5'],
})

const SshExpectation = closedObject({
  speaks: optional(Flag),
  minVersion: optional(Type.Enum(['1.99', '2.0'])),
  hostKeys: optional(
    Type.Array(Type.String({ pattern: '^SHA256:[A-Za-z0-9+/]{43}$', examples: [`SHA256:${'0123'.repeat(10)}abc`] }), {
      minItems: 1, // none would fail every server
      maxItems: 100,
      uniqueItems: true,
    }),
  ),
  forbid: optional(list(AlgorithmName)),
})

/** A number that orders protocol versions; 0 if unknown. */
function orderOf(version = ''): number {
  const [, major = 0, minor = 0] = /^(\d+)\.(\d+)$/.exec(version) ?? []
  return 1000 * Number(major) + Number(minor)
}

function violation<Code extends string>(
  demand: Demand<typeof SshExpectation>,
  { facts, reason }: Seen<SshFacts, Code>,
): SshReason | Code | undefined {
  if (!facts.identification)
    return demand.speaks && reason !== 'ssh-refused-for-now' && !mayHaveMissed(reason) ? 'ssh-not-spoken' : reason
  if (reason === 'ssh-signature-invalid') return reason
  // A server speaks SSH once it starts the key exchange: any program can send an identification.
  if (demand.speaks && !facts.algorithms) return reason
  if (demand.minVersion && orderOf(facts.protocolVersion) < orderOf(demand.minVersion)) return 'ssh-version-too-old'
  if (demand.hostKeys) {
    if (!facts.hostKey?.verified) return 'facts-missing'
    if (!demand.hostKeys.includes(facts.hostKey.sha256)) return 'ssh-host-key-mismatch'
  }
  if (demand.forbid) {
    const lists = algorithmLists.map((list) => facts.algorithms?.[list])
    // No two algorithms differ in case only.
    const offered = new Set(lists.flat().map((name) => name?.toLowerCase()))
    if (demand.forbid.some((name) => offered.has(name.toLowerCase()))) return 'ssh-algorithm-forbidden'
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
  // Another host key, or another authority for it, means another machine, or an interception.
  significance: { hostKey: 'alert', 'hostCertificate/authority': 'alert', algorithms: 'notice' },
})
