import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exitStatus, say, UsageError } from '../command.ts'
import { withService } from '../connection/api.ts'

export interface SaveOptions {
  output?: string
  server?: URL
}

/** Saves the evidence pack of an audit; a reader never sees half of it. */
export const save = (audit: string, { output = `audit-${audit}.zip`, ...options }: SaveOptions): Promise<number> => {
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(audit))
    throw new UsageError(`${audit} is not the id of an audit`)
  return withService(options, { probe: false }, async (service) => {
    const { body } = await service.call(`/v1/audits/${audit}/pack`)
    const part = `${output}.part`
    try {
      await pipeline(
        Readable.fromWeb((body ?? new ReadableStream()) as Parameters<typeof Readable.fromWeb>[0]),
        createWriteStream(part),
      )
      await rename(part, output)
    } finally {
      await rm(part, { force: true })
    }
    say(output)
    return exitStatus.pass
  })
}
