const namespace = 'urn:portwarden:oscal'

/** A property of ours; `value` is one line that is not empty. */
export const prop = (name: string, value: string) => ({ name, ns: namespace, value })

/** Text as one line (MarkupLine, StringDatatype). */
export const line = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** A name as OSCAL's tokens are: it starts with a letter or an underscore. */
export const token = (text: string): string => {
  const clean = text.replace(/[^\p{L}\p{N}._-]/gu, '-')
  return /^[\p{L}_]/u.test(clean) ? clean : `_${clean}`
}

/**
 * A control of a policy as OSCAL's catalogs name it: `NIST-800-53:AC-17(2)` is `ac-17.2` there. For frameworks without an
 * OSCAL catalog the framework stays part of the id.
 */
export function idOfControl(control: string): string {
  const [, family, number, enhancement] = /^NIST-800-53:([A-Z]{2})-(\d+)(?:\((\d+)\))?$/.exec(control) ?? []
  if (family) return `${family.toLowerCase()}-${number}${enhancement ? `.${enhancement}` : ''}`
  return token(control.replace(':', '_'))
}
