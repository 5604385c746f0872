/** A member of a JSON document whose items come in pages; it is left out, comma and all, where there is no item. */
export async function* arrayMember<T>(
  name: string,
  pages: AsyncIterable<readonly T[]>,
  toJson: (item: T) => unknown,
): AsyncGenerator<string> {
  let started = false
  for await (const items of pages) {
    const texts = items.flatMap((item) => JSON.stringify(toJson(item)) ?? [])
    if (texts.length === 0) continue
    yield `${started ? '' : `,${JSON.stringify(name)}:[`}${started ? ',' : ''}${texts.join()}`
    started = true
  }
  if (started) yield ']'
}

/** The members of an object as JSON without its closing brace, so that more can follow. */
export const openObject = (value: object): string => JSON.stringify(value).slice(0, -1)
