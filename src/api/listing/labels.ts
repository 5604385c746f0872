import { Type } from 'typebox'

/** A label selector: `label=site:hq`, repeated for more labels. */
export const LabelQuery = {
  label: Type.Array(Type.String({ pattern: '^[^:]+:.*$', maxLength: 301, examples: ['site:hq'] }), {
    default: [],
    maxItems: 20,
    description: 'A label as `key:value`; repeat it to require several labels',
    examples: [['site:hq']],
  }),
}

export const labelsOf = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]))
