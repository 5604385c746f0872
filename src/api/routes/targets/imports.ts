import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isHost } from '../../../domain/findings/endpoint.ts'
import { plainText } from '../../../encoding/text.ts'
import { saveImport } from '../../../operations/targets/import.ts'
import type { TargetInput as StoredInput } from '../../../store/inventory/targets.ts'
import type { ServerParts } from '../../context.ts'
import { allowTime } from '../../http/listener.ts'
import { describeSchemaIssues, findUnstorable, type SchemaIssue, sendProblem } from '../../http/problems.ts'
import { isUtf8 } from '../../http/strict-json.ts'
import { closedObject, problems } from '../../openapi/schemas.ts'
import {
  CutOffError,
  drain,
  type RowIssue,
  type RowReader,
  readBody,
  TooLargeError,
  UnreadableError,
} from './import/body.ts'
import { readCsv } from './import/csv.ts'
import { readNdjson } from './import/ndjson.ts'
import { readNmap } from './import/nmap.ts'
import { maxRows, sift } from './import/rows.ts'
import { openSpool } from './import/spool.ts'
import { noHost, TargetInput } from './schemas.ts'

/** An import may be so large and take so long to come; nothing of it stays in memory but its names. */
const limitBytes = 1024 * 2 ** 20
const limitMs = 600_000
const readers: Record<string, RowReader> = {
  'text/csv': readCsv,
  'application/x-ndjson': readNdjson,
  'application/nmap+xml': readNmap,
  'application/xml': readNmap,
  'text/xml': readNmap,
}

const count = (description: string) => Type.Integer({ minimum: 0, description })
export const ImportOutcome = Type.Object(
  {
    rows: count('Rows that the document has; hosts that are not up are none'),
    created: count('Targets that were not there'),
    updated: count('Targets that are not as they were'),
    unchanged: count('Targets that were just so'),
    refused: count('Rows that were left out; with `partial` alone it is more than 0'),
    errors: Type.Array(
      Type.Object({
        line: Type.Integer({ description: 'Where the row ends or, in XML, begins', examples: [17] }),
        pointer: Type.String({ description: 'The field; of CSV the column', examples: ['/address'] }),
        detail: Type.String(),
      }),
      { description: 'The first 100 mistakes' },
    ),
  },
  { $id: 'ImportOutcome', title: 'ImportOutcome', description: 'What an import did' },
)

// What an export says besides is no mistake, and nothing is done with it.
const ignored = {
  createdAt: Type.Optional(Type.String()),
  updatedAt: Type.Optional(Type.String()),
  retiredAt: Type.Optional(Type.Null()),
}
const ImportedTarget = closedObject({ ...TargetInput.properties, ...ignored })

const Document = Type.String({ description: 'One target to a row, line or host' })

export const targetImportRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'spoolDir'>> = async (
  app,
  { spoolDir },
) => {
  // The handler reads the body itself, piece by piece.
  app.addContentTypeParser(Object.keys(readers), (_request, _payload, done) => done(null, ''))

  app.post(
    '/targets/import',
    {
      config: { scope: 'targets:write', limited: true },
      schema: {
        operationId: 'importTargets',
        tags: ['targets'],
        summary: 'Import targets',
        description: `Takes CSV (its first line names the columns: those of the export of targets, and \`labels.KEY\` for a label), NDJSON, or what \`nmap -oX\` writes. Each row creates the target of its name or updates it; what it leaves out, and every empty cell, keeps its value. A retired target comes back with its history.

Of Nmap XML are taken: hosts that are up, their IPv4 address (else IPv6), and as name the host name that the scan was given, else that of the PTR record, else the address. Ports, MAC addresses, scripts and operating systems are not.

Nothing is written before the whole document was read. Then all of its rows are saved or, where one is refused, none; with \`partial=true\` those that are not refused. At most 1 GiB, ${maxRows} rows and 10 minutes.`,
        querystring: closedObject({
          partial: Type.Boolean({ default: false, description: 'Save the sound rows even where others are refused' }),
        }),
        consumes: Object.keys(readers),
        body: { content: Object.fromEntries(Object.keys(readers).map((type) => [type, { schema: Document }])) },
        response: { 200: ImportOutcome, ...problems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      const read = readers[mediaTypeOf(request)]
      if (!read) return sendProblem(reply, { status: 415, detail: `send ${Object.keys(readers).join(', ')}` })
      if (!isUtf8(request)) return sendProblem(reply, { status: 415, detail: 'send UTF-8' })
      const spool = await openSpool<StoredInput>(spoolDir)
      const release = allowTime(request.raw.socket, limitMs)
      try {
        const tally = await sift(read(readBody(request.raw, limitBytes)), {
          check: checkerOf(request),
          keep: spool.add,
        })
        if (tally.refused > 0 && !request.query.partial) return refuse(reply, tally)
        release()
        const { keyId } = request.caller
        const { created, updated } = await request.view.transaction((tx) => saveImport(tx, spool.lists, keyId))
        const { rows, refused, errors } = tally
        return { rows, created, updated, unchanged: rows - refused - created - updated, refused, errors }
      } catch (error) {
        return await answerUnread(request, reply, error)
      } finally {
        release()
        await spool.close()
      }
    },
  )
}

const mediaTypeOf = ({ headers }: FastifyRequest) =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

function checkerOf(request: FastifyRequest): (value: unknown) => RowIssue[] {
  const fits = request.compileValidationSchema(ImportedTarget, 'body')
  return (value) => {
    if (!fits(value)) return describeSchemaIssues((fits.errors ?? []) as unknown as SchemaIssue[])
    const pointer = findUnstorable(value)
    if (pointer !== undefined) return [{ pointer, detail: plainText }]
    return isHost((value as StoredInput).address) ? [] : [{ pointer: noHost.pointer, detail: noHost.message }]
  }
}

function refuse(
  reply: FastifyReply,
  { refused, errors }: { refused: number; errors: (RowIssue & { line: number })[] },
) {
  const first = errors[0]
  const detail = `${refused} ${refused === 1 ? 'row is' : 'rows are'} refused and nothing is saved; line ${first?.line}: ${first?.pointer || 'the row'} ${first?.detail}`
  return sendProblem(reply, {
    status: 422,
    detail,
    errors: errors.map((error) => ({ in: 'body' as const, ...error })),
    refused,
  })
}

async function answerUnread({ raw }: FastifyRequest, reply: FastifyReply, error: unknown) {
  if (error instanceof CutOffError) return sendProblem(reply, { status: 400, detail: error.message }) // nobody hears it
  if (error instanceof TooLargeError)
    return sendProblem(reply.header('connection', 'close'), { status: 413, detail: error.message })
  if (!(error instanceof UnreadableError)) throw error
  await drain(raw, limitBytes).catch(() => {}) // then nobody waits for the answer
  const { line, message } = error
  const errors = [{ in: 'body' as const, pointer: '', detail: message, ...(line === undefined ? {} : { line }) }]
  const where = line === undefined ? '' : `line ${line}: `
  return sendProblem(reply, { status: 422, detail: `nothing is saved; ${where}${message}`, errors })
}
