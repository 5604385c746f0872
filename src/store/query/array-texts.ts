/**
 * Lists as one text each, to be cast to an array: `${integers(ids)}::int[]`. The driver quotes and escapes every element of a list
 * by itself, which takes ten times as long and as much memory.
 */
export const integers = (values: readonly (number | null)[]): string =>
  `{${values.includes(null) ? values.map((value) => value ?? 'NULL').join(',') : values.join(',')}}`

const needsQuotes = /[^0-9A-Za-z:.+-]/

/** The same for digests, ids and times. Throws a RangeError for a text that needs quotes, or is empty. */
export function plainTexts(values: readonly (string | null)[]): string {
  const texts = values.map((value) => {
    if (value === null) return 'NULL'
    if (value === '' || value === 'NULL' || needsQuotes.test(value))
      throw new RangeError(`a text that needs quotes: ${value}`)
    return value
  })
  return `{${texts.join(',')}}`
}
