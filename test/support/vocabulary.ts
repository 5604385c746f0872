/** Retired words of the vocabulary, as whole words; identifiers are split at capitals and underscores. */
const retired =
  /\b(looks?|looked|looking|tells?|told|telling|doors?|shut|eyes|places?|sightings?|moments?|trouble|asked|asking|wish(?:es)?|granted|basis|begun|takers?|at once|mistakes?|misfits?|flaws?|faults?|realms?|whoever|whatever|whichever|nobody|somebody|answer(?:s|ed|ing)?)\b/gi

const split = (text: string) => text.replace(/([a-z\d])(?=[A-Z])/g, '$1 ').replaceAll('_', ' ')

/** The retired words in a line, in lower case. */
export const retiredWordsIn = (line: string): string[] =>
  Array.from(split(line).matchAll(retired), ([word]) => word.toLowerCase())
