import { Type } from 'typebox'

/** A search in texts of targets. */
export const TextQuery = {
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'A part of the name, address or external id of the target, in upper or lower case',
      examples: ['epp'],
    }),
  ),
}
