/** Streams a list member of a JSON document, with a leading comma; yields nothing when the list is empty. */
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

/** An object as JSON without its closing brace. */
export const openObject = (value: object): string => JSON.stringify(value).slice(0, -1)
