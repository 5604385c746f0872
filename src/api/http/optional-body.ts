import type { FastifyRequest } from 'fastify'

/** A hook for operations whose body has no required field: it may be left out. */
export const optionalBody = async (request: FastifyRequest): Promise<void> => {
  request.body ??= {}
}
