import { Type } from 'typebox'
import { states } from '../../../domain/findings/state.ts'
import { severities } from '../../../domain/policy/policy.ts'
import { protocolNames } from '../../../domain/protocols/index.ts'
import { Count, closedObject, Fingerprint, nullable, Result, Timestamp, withDefault } from '../../openapi/schemas.ts'
import { standingSums } from '../reports/schemas/compliance.ts'
import { TargetName } from '../targets/schemas.ts'
import { auditParams, permission } from './schemas.ts'

const Limit = Type.Integer({
  minimum: 1,
  maximum: 1000,
  description: 'The most targets, and the most findings, that are listed',
  examples: [100],
})
const limit = withDefault(Limit, 100)

export const EffectQuery = closedObject({ limit })
export const WindowDraft = closedObject(
  { ...permission('ssh-support'), params: Type.Optional(auditParams), limit },
  { $id: 'WindowDraft', description: 'What a window would be for' },
)
export const WaiverDraft = closedObject(
  { ...permission('ssh-restricted'), limit },
  { $id: 'WaiverDraft', description: 'What a waiver would be for' },
)

const Accepted = (description: string, [result, waived]: [string, boolean]) =>
  Type.Object(
    { result: Result, waived: Type.Boolean({ description: 'Whether a waiver accepts the failure' }) },
    { description, examples: [{ result, waived }] },
  )
const Standing = (description: string) => Type.Object(standingSums, { description })

export const ExceptionEffect = Type.Object(
  {
    at: Timestamp('The time whose stored facts were judged', '08:46:00'),
    targets: Type.Object(
      {
        count: Count('Number of targets', 1),
        names: Type.Array(TargetName, { description: 'The first of them by name, up to `limit`' }),
      },
      { description: 'The targets that it is for now' },
    ),
    rules: Type.Array(
      Type.Object({
        id: Type.String({ description: 'Id of the rule', examples: ['ssh-support'] }),
        title: Type.String({ description: 'Title of the rule', examples: ['SSH for support'] }),
        severity: Type.Enum([...severities], { description: 'Severity of the rule', examples: ['high'] }),
        direction: Type.Enum(['inbound', 'outbound'], { description: 'Seen from the target' }),
        probe: Type.Enum([...protocolNames], { description: 'What probes the port', examples: ['ssh'] }),
        from: Type.Array(Type.String(), { description: 'Zones from which it is probed', examples: [['support']] }),
        ports: Type.Array(Type.Integer(), { description: 'Its ports at the targets', examples: [[22]] }),
        targets: Count('To how many of the targets it applies', 1),
        inside: nullable(
          Type.Array(Type.Enum([...states]), {
            description: 'States that it allows inside a window',
            examples: [['open']],
          }),
          { description: 'States that it allows inside a window; null if it has no expectation for one' },
        ),
      }),
      { description: 'The rules, as they are in the newest version of the policy' },
    ),
    findings: Type.Object(
      {
        count: Count('Findings of these rules and targets', 1),
        changed: Count('Findings that change', 1),
        items: Type.Array(
          Type.Object({
            fingerprint: Fingerprint,
            target: TargetName,
            rule: Type.String({ description: 'Id of the rule', examples: ['ssh-support'] }),
            vantage: Type.String({ description: 'Name of the vantage', examples: ['support'] }),
            before: Accepted('Without it', ['fail', false]),
            after: Accepted('With it', ['pass', false]),
          }),
          { description: 'The findings that change, by target, up to `limit`' },
        ),
      },
      { description: 'What changes, judged by stored facts' },
    ),
    before: Standing('All findings of the policy without it'),
    after: Standing('All findings of the policy with it; the score ignores waivers'),
  },
  { $id: 'ExceptionEffect', description: 'What a window or waiver changes, by what is known now' },
)
