import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { ValidationIssue } from '../../../domain/errors.ts'
import { isHost } from '../../../domain/findings/endpoint.ts'
import { plainText } from '../../../encoding/text.ts'
import { importTargets } from '../../../operations/targets/import.ts'
import { invalidAddress } from '../../../operations/targets/target.ts'
import type { TargetInput as StoredInput } from '../../../store/inventory/targets.ts'
import type { ServerParts } from '../../context.ts'
import { isUtf8 } from '../../http/bodies/strict-json.ts'
import { issuesOf, type SchemaError } from '../../http/issues.ts'
import { allowTime } from '../../http/listener.ts'
import { errorOf, findUnstorable, sendProblem } from '../../http/problems.ts'
import type { Quotas } from '../../limits/quotas.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject } from '../../openapi/schemas.ts'
import {
  CutOffError,
  drain,
  type Note,
  type RowReader,
  readBody,
  TooLargeError,
  type UnreadableError,
} from './import/body.ts'
import { readCsv } from './import/csv.ts'
import { readNdjson } from './import/ndjson.ts'
import { readNmap } from './import/nmap.ts'
import { createNotes } from './import/notes.ts'
import { maxRows, sift, type Tally } from './import/rows.ts'
import { openSpool } from './import/spool.ts'
import { ImportedTarget, ImportOutcome } from './schemas.ts'

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

const csv = 'name,address,labels.site\r\nepp-01,10.20.0.11,hq\r\n'
const ndjson = '{"name":"epp-01","address":"10.20.0.11","labels":{"site":"hq"}}\n'
const nmap =
  '<nmaprun><host><status state="up"/><address addr="10.20.0.11" addrtype="ipv4"/><hostnames><hostname name="epp-01" type="user"/></hostnames></host></nmaprun>'
const importContent = Object.fromEntries(
  Object.keys(readers).map((type) => {
    const example = type === 'text/csv' ? csv : type === 'application/x-ndjson' ? ndjson : nmap
    return [
      type,
      {
        schema: Type.String({
          maxLength: limitBytes,
          description: 'One target for each row, line or host',
          examples: [example],
        }),
      },
    ]
  }),
)

interface ImportParts extends Pick<ServerParts, 'spoolDir'> {
  quotas: Pick<Quotas, 'startImport'>
}

export const targetImportRoutes: FastifyPluginAsyncTypebox<ImportParts> = async (app, { spoolDir, quotas }) => {
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
        description: `Accepts CSV, NDJSON and Nmap XML. The first line of CSV names the columns: those of the CSV export of targets, and \`labels.KEY\` for a label. Each row creates or updates the target with its name; an omitted field and an empty cell keep the stored value, and null removes it. A retired target becomes active again.

The service reads CSV as spreadsheets write it: with semicolons or tabs as separators, \`sep=\`, a byte order mark, UTF-16, blanks around cells, empty rows and columns. \`notes\` of the response list what it assumed.

Nmap XML (\`nmap -oX\`, \`masscan -oX\`) gives the hosts that are up, and all hosts of a list scan (\`-sL\`): as address the IPv4 address, else the IPv6 address; as name the host name of the scan, else that of the PTR record, else the address. The address is the name also where the host name is not valid or belongs to an earlier host of the document. All other information is ignored. \`notes\` list what was passed over.

The service reads the whole document before it saves anything. It saves all rows, or none if a row is invalid; with \`partial=true\` it saves the valid rows. At most 1 GiB, ${maxRows} rows and 10 minutes.`,
        querystring: closedObject({
          partial: Type.Boolean({ default: false, description: 'Saves the valid rows if others are invalid' }),
          dryRun: Type.Boolean({ default: false, description: 'Reports what would be saved, and saves nothing' }),
          existing: Type.Enum(['update', 'keep'], {
            default: 'update',
            description: 'Whether a row changes the target with its name, or leaves it as it is stored',
            examples: ['keep'],
          }),
        }),
        consumes: Object.keys(readers),
        body: { content: importContent },
        response: { 200: ImportOutcome, ...problems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      const read = readers[mediaTypeOf(request)]
      if (!read) return sendProblem(reply, { status: 415, detail: `send ${Object.keys(readers).join(', ')}` })
      if (!isUtf8(request)) return sendProblem(reply, { status: 415, detail: 'send uncompressed UTF-8' })
      const share = quotas.startImport(request.caller.keyId)
      const spool = await openSpool<StoredInput>(spoolDir, share.spool).catch((error: unknown) => {
        share.end()
        throw error
      })
      const release = allowTime(request.raw.socket, limitMs)
      const notes = createNotes()
      try {
        const text = readBody(request.raw, { limitBytes, decoderFor: decoderOf(request, notes.add) })
        const tally = await sift(read(text, notes.add), { check: checkerOf(request), keep: spool.add, note: notes.add })
        if (tally.unreadable) return await sendUnreadable(request, reply, tally.unreadable, tally.errors, notes.list())
        if (tally.refused > 0 && !request.query.partial) return refuse(reply, tally, notes.list())
        release()
        const { keyId } = request.caller
        const options = {
          actor: keyId,
          isRehearsal: request.query.dryRun,
          keepExisting: request.query.existing === 'keep',
        }
        const { created, updated, changes } = await importTargets(request.view, spool.lists, options)
        const { rows, refused, errors } = tally
        return {
          rows,
          created,
          updated,
          unchanged: rows - refused - created - updated,
          refused,
          errors: errors.map(({ line, pointer, message }) => ({ line, pointer, detail: message })),
          changes,
          ...notes.list(),
        }
      } catch (error) {
        if (error instanceof CutOffError) return sendProblem(reply, { status: 400, detail: error.message }) // the client has gone
        if (error instanceof TooLargeError)
          return sendProblem(reply.header('connection', 'close'), { status: 413, detail: error.message })
        throw error
      } finally {
        release()
        await spool.close()
        share.end()
      }
    },
  )
}

const mediaTypeOf = ({ headers }: FastifyRequest) =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

function checkerOf(request: FastifyRequest): (value: unknown) => ValidationIssue[] {
  const fits = request.compileValidationSchema(ImportedTarget, 'body')
  return (value) => {
    if (!fits(value)) return issuesOf((fits.errors ?? []) as unknown as SchemaError[])
    const pointer = findUnstorable(value)
    if (pointer !== undefined) return [{ pointer, message: plainText }]
    const { address } = value as StoredInput
    return isHost(address) ? [] : [invalidAddress(address)]
  }
}

/** Spreadsheets save "Unicode text" as UTF-16; its byte order mark says so. */
const decoderOf =
  (request: FastifyRequest, note: Note) =>
  ([first, second]: Buffer): string => {
    const encoding =
      first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
    if (mediaTypeOf(request) !== 'text/csv' || encoding === 'utf-8') return 'utf-8'
    note(`the text is read as ${encoding.toUpperCase()}, as its byte order mark says`, 1)
    return encoding
  }

type Notes = ReturnType<ReturnType<typeof createNotes>['list']>

function refuse(reply: FastifyReply, { refused, errors }: Tally, notes: Notes) {
  const first = errors[0]
  const detail = `${refused} ${refused === 1 ? 'row is' : 'rows are'} refused and nothing is saved; line ${first?.line}: ${first?.pointer || 'the row'} ${first?.message}`
  return sendProblem(reply, {
    status: 422,
    detail,
    errors: errors.map((error) => errorOf('body', error)),
    refused,
    ...notes,
  })
}

async function sendUnreadable(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  { line, message }: UnreadableError,
  earlier: Tally['errors'],
  notes: Notes,
) {
  await drain(raw, limitBytes).catch(() => {}) // the client has gone
  const errors = [...earlier, { pointer: '', message, line }].map((error) => errorOf('body', error))
  const where = line === undefined ? '' : `line ${line}: `
  return sendProblem(reply, { status: 422, detail: `nothing is saved; ${where}${message}`, errors, ...notes })
}
