import { Readable } from 'node:stream'
import { exitStatus, say, UsageError } from '../command.ts'
import { withService } from '../connection/api.ts'
import { writeOutput } from '../output.ts'

export interface SaveOptions {
  output?: string
  server?: URL
}

/** Saves the evidence pack of an audit. */
export const save = (audit: string, { output = `audit-${audit}.zip`, ...options }: SaveOptions): Promise<number> => {
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(audit))
    throw new UsageError(`${audit} is not the id of an audit`)
  return withService(options, { probe: false }, async (service) => {
    const { body } = await service.call(`/v1/audits/${audit}/pack`)
    const source = body ?? new ReadableStream()
    await writeOutput(output, Readable.fromWeb(source as Parameters<typeof Readable.fromWeb>[0]))
    say(output)
    return exitStatus.pass
  })
}
