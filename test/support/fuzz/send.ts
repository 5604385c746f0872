import type { TestService } from '../service.ts'
import type { HttpResponse } from './document.ts'
import type { Known } from './known.ts'
import { type Draft, write } from './requests.ts'

export type Keys = Record<Draft['key'], string | undefined>

/** Sends a draft: without a socket, or over one where the response is a stream that may be endless. */
export async function send(
  service: TestService,
  draft: Draft,
  { known, keys, url }: { known: Known; keys: Keys; url: string },
): Promise<HttpResponse & { sent?: string | Buffer | undefined }> {
  const path = draft.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encode(String(known.fill(draft.inPath[name] ?? ''))),
  )
  const query = draft.query.map(([name, value]) => `${encode(name)}=${encode(known.fill(value))}`).join('&')
  const key = keys[draft.key]
  const headers: Record<string, string> = {
    ...known.fill(draft.headers),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  }
  const payload = write(known.fill(draft.body), draft)
  const target = query ? `${path}?${query}` : path
  const method = draft.method as 'GET'
  // fetch() refuses to send `expect`.
  if (draft.streams) delete headers.expect
  if (draft.streams) return read(await fetch(url + target, { method, headers, signal: AbortSignal.timeout(10_000) }))
  const injected = await service.server.inject({
    method,
    url: target,
    headers,
    ...(payload !== undefined && { payload }),
  })
  const { statusCode: status, headers: given, body } = injected
  return { status, contentType: given['content-type']?.toString(), headers: given, body, sent: payload }
}

const encode = (text: string) => encodeURIComponent(text.toWellFormed())

/** The first piece of a stream is enough. */
async function read(response: Response): Promise<HttpResponse> {
  const reader = response.body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  await reader?.cancel()
  const body = value ? new TextDecoder().decode(value) : ''
  const headers = Object.fromEntries(response.headers)
  return { status: response.status, contentType: headers['content-type'], headers, body }
}
