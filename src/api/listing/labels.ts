import { Type } from 'typebox'

/** A label selector in a query: `label=site:hq`, repeated for more; all of them must be there. */
export const LabelQuery = {
  label: Type.Array(Type.String({ pattern: '^[^:]+:.*$', maxLength: 301, examples: ['site:hq'] }), {
    default: [],
    maxItems: 20,
    description: '`key:value`; all of them must be there',
    examples: [['site:hq']],
  }),
}

export const labelsOf = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]))
