const namespace = 'urn:portwarden:oscal'

/** A property in our namespace; `value` is one non-empty line. */
/** The link to a page of the console, if there is one. */
export const linksTo = (url: string | null) => (url === null ? {} : { links: [{ href: url, rel: 'reference' }] })

export const prop = (name: string, value: string) => ({ name, ns: namespace, value })

/** Single-line text (MarkupLine, StringDatatype). */
export const line = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** A TokenDatatype, which starts with a letter or an underscore. */
export const token = (text: string): string => {
  const clean = text.replace(/[^\p{L}\p{N}._-]/gu, '-')
  return /^[\p{L}_]/u.test(clean) ? clean : `_${clean}`
}

/** The OSCAL id of a control: `ac-17.2` for `NIST-800-53:AC-17(2)`; other ids include their framework. */
export function idOfControl(control: string): string {
  const [, family, number, enhancement] = /^NIST-800-53:([A-Z]{2})-(\d+)(?:\((\d+)\))?$/.exec(control) ?? []
  if (family) return `${family.toLowerCase()}-${number}${enhancement ? `.${enhancement}` : ''}`
  return token(control.replace(':', '_'))
}
