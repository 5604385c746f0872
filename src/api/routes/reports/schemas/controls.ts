import { Type } from 'typebox'
import { verdicts } from '../../../../domain/findings/verdict.ts'
import { untestedReasons } from '../../../../domain/policy/controls.ts'
import { severities } from '../../../../domain/policy/policy.ts'
import { closedObject, nullable, Timestamp } from '../../../openapi/schemas.ts'
import { observationTimes, StandingQuery, standingSums } from './compliance.ts'
import { seriesFields } from './series.ts'

const Framework = Type.String({
  maxLength: 100,
  description: 'Name of the framework, as rules write it',
  examples: ['PCI-DSS-4.0.1'],
})
const { policy, rule } = seriesFields

export const Control = Type.Object(
  {
    framework: Framework,
    control: Type.String({ description: 'Number of the control', examples: ['1.2.5'] }),
    title: nullable(Type.String(), {
      description: 'Short title; null if the control is not known to Portwarden',
      examples: ['Services, protocols and ports allowed are identified and approved'],
    }),
    verdict: Type.Enum([...verdicts], {
      description:
        'Whether the rules of the control hold; a control asks for more than ports. `pass` only if everything that applies was tested',
      examples: ['fail'],
    }),
    ...standingSums,
    rules: Type.Array(
      Type.Object({
        policy,
        version: Type.Integer({ description: 'Version of the policy', examples: [1] }),
        rule,
        title: Type.String({
          description: 'Title of the rule',
          examples: ['SSH is not reachable from client networks'],
        }),
        severity: Type.Enum([...severities], { description: 'Severity of the rule', examples: ['high'] }),
        ...standingSums,
        ...observationTimes,
      }),
      { description: 'The rules that name the control' },
    ),
    notTested: Type.Array(
      Type.Object({
        policy,
        rule,
        why: Type.Enum([...untestedReasons], {
          description: '`never-audited`: the rule has no observation at that time; otherwise its result',
          examples: ['notchecked'],
        }),
        count: nullable(Type.Integer({ minimum: 1 }), {
          description: 'Number of targets and vantages; null if the rule was never audited',
          examples: [1],
        }),
      }),
      { description: 'What is proven neither way' },
    ),
  },
  { $id: 'Control', description: 'A control of a framework, and what the rules that name it show' },
)

export const ControlReport = Type.Object(
  { at: Timestamp('Point in time of the report', '12:00:00'), items: Type.Array(Control) },
  { $id: 'ControlReport', description: 'Controls at a point in time, ordered by framework and number' },
)

export const ControlQuery = closedObject({ framework: Type.Optional(Framework), ...StandingQuery })
