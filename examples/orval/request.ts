/** Where the service is, and the key to send. */
export const service = { url: '', key: '' }

/** Sends a request of a generated function and returns the body of the response; throws what a problem response says. */
export async function request<T>(path: string, options: RequestInit): Promise<T> {
  const headers = new Headers(options.headers)
  headers.set('authorization', `Bearer ${service.key}`)
  const response = await fetch(service.url + path, { ...options, headers })
  const body = response.status === 204 ? undefined : await response.json()
  if (!response.ok) throw new Error(body.detail ?? body.title)
  return body
}
