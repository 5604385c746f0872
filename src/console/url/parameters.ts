type Value = string | number | boolean | null | undefined

/** Parameters of a query: an empty value removes its parameter, an array repeats it. */
export type Parameters = Readonly<Record<string, Value | readonly string[]>>

/** A query with parameters set anew, ready to be appended to a path. */
export function withParameters(search: URLSearchParams, changes: Parameters): string {
  for (const [name, value] of Object.entries(changes)) {
    search.delete(name)
    for (const one of [value].flat()) if (one != null && one !== '') search.append(name, String(one))
  }
  return search.size > 0 ? `?${search}` : ''
}

/** A path of the API with a query. */
export const apiPath = (path: string, parameters: Parameters = {}): string =>
  path + withParameters(new URLSearchParams(), parameters)

/** A path whose inserted parts are encoded: uri`/v1/targets/${name}`. */
export const uri = (texts: TemplateStringsArray, ...parts: readonly string[]): string =>
  String.raw({ raw: texts }, ...parts.map(encodeURIComponent))
