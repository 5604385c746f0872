import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'

/** The codings of responses, best first. */
export const codings = ['br', 'gzip'] as const
export type Coding = (typeof codings)[number]

/** The best coding that the client accepts (RFC 9110 section 12.5.3); undefined: none. */
export function codingFor({ headers }: Pick<FastifyRequest, 'headers'>): Coding | undefined {
  if (headers['accept-encoding'] === undefined) return undefined // RFC 9110 allows any coding then; such clients expect none
  const accepted = new Negotiator({ headers }).encodings([...codings])
  return codings.find((coding) => accepted.includes(coding))
}
