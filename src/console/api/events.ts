import { servicePath } from '../url/base.ts'

/** Follows an event stream of the API until the returned function is called; the browser reconnects by itself. */
export function followEvents<T>(path: string, names: readonly string[], onEvent: (name: string, data: T) => void) {
  const source = new EventSource(servicePath(path))
  for (const name of names)
    source.addEventListener(name, ({ data }: MessageEvent<string>) => onEvent(name, JSON.parse(data)))
  return () => source.close()
}
