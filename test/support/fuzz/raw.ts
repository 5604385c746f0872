import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { HttpResponse } from './document.ts'

/** Sends a request with any method, existing or not, and reads the response to the end of the connection. */
export async function sendRaw(
  url: string,
  request: { method: string; path: string; key: string },
): Promise<HttpResponse> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = [`${request.method} ${request.path} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${request.key}`]
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'))
  const bytes = await buffer(socket)
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
    }),
  )
  const body = bytes.subarray(end + 4).toString()
  return { status: Number(first.split(' ')[1]), contentType: headers['content-type'], headers, body }
}
