import { Type } from 'typebox'
import { ExternalIdQuery } from '../../targets/schemas.ts'

const optionalText = (maxLength: number, description: string, example: string) =>
  Type.Optional(Type.String({ maxLength, description, examples: [example] }))

/** What identifies a series in a response. */
export const seriesFields = {
  policy: Type.String({ description: 'Name of the policy', examples: ['netwrix-endpoint-protector'] }),
  rule: Type.String({ description: 'Id of the rule', examples: ['ssh-restricted'] }),
  vantage: Type.String({
    description: 'Name of the vantage, or `zone:NAME` if the zone has no vantage',
    examples: ['local'],
  }),
}

/** Filters of reports about series. */
export const SeriesQuery = {
  target: optionalText(253, 'Name of the target', 'epp-01'),
  ...ExternalIdQuery,
  policy: optionalText(100, 'Name of the policy', 'netwrix-endpoint-protector'),
  rule: optionalText(100, 'Id of the rule', 'ssh-restricted'),
  vantage: optionalText(253, 'Name of the vantage', 'local'),
}
