import { Type } from 'typebox'
import { severities } from '../../../domain/policy/policy.ts'
import { Port } from '../../../domain/policy/values.ts'
import { nullable, PageUrl } from '../../openapi/schemas.ts'
import { ExternalId, Labels } from '../targets/schemas.ts'

/** What a listed finding says about its target and its endpoint. */
export const DescribedTarget = {
  address: Type.String({ description: 'Address of the target, as it is now', examples: ['10.20.0.11'] }),
  labels: { ...Labels, description: 'Labels of the target, as they are now' },
  externalId: nullable(ExternalId, { description: 'External id of the target, as it is now' }),
  host: nullable(Type.String({ examples: ['10.20.0.11'] }), {
    description: 'Host of the endpoint; null if nothing was dialled and the rule does not resolve for the target',
  }),
  port: nullable(Port, { description: 'Port of the endpoint; null as `host`' }),
  url: PageUrl('finding', 'findings/5f0c3b1e-6a52-5d0e-9b7e-2d6f0c9a4e11'),
}

/** What a listed finding says about its rule, in `where`. */
export const describedRule = (where: string) => ({
  title: nullable(Type.String({ examples: ['SSH is not reachable from client networks'] }), {
    description: `Title of the rule in ${where}; null if that has no such rule`,
  }),
  severity: nullable(Type.Enum([...severities], { examples: ['high'] }), {
    description: `Severity of the rule in ${where}`,
  }),
  controls: Type.Array(Type.String(), {
    description: `Controls that the rule serves in ${where}, as FRAMEWORK:CONTROL`,
    examples: [['PCI-DSS-4.0.1:1.2.5']],
  }),
  remediation: nullable(Type.String({ examples: ['Restrict port 22 to the support network.'] }), {
    description: `What a person can do, in ${where}`,
  }),
})
