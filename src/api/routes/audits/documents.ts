import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Audit } from '../../../domain/audits.ts'
import { ConflictError } from '../../../domain/errors.ts'
import { createRegions } from '../../../policies/regions.ts'
import { type Findings, type ReportedAudit, totalOf } from '../../../report/formats/audit.ts'
import { type AuditFormatName, auditFormats } from '../../../report/formats/index.ts'
import { renderPack } from '../../../report/pack/pack.ts'
import type { PageUrls } from '../../../report/page-urls.ts'
import type { Stores } from '../../../store/db/stores.ts'
import { setStreamEtag } from '../../http/etags.ts'
import { asFile } from '../../listing/listing.ts'

const names = Object.keys(auditFormats) as AuditFormatName[]
/** The media types of an audit: itself, and the documents that it can be written as once it has ended. */
export const auditMediaTypes = {
  json: 'application/json',
  ...(Object.fromEntries(names.map((name) => [name, auditFormats[name].mediaType])) as Record<AuditFormatName, string>),
}

export const AuditFormatQuery = {
  format: Type.Optional(
    Type.Enum(Object.keys(auditMediaTypes) as (AuditFormatName | 'json')[], {
      description:
        'Overrides `Accept`. All formats but `json` are documents of an audit that has ended, with all findings',
      examples: ['json'],
    }),
  ),
}

/** The content of the response for OpenAPI; `audit` is the schema of the JSON form. */
export const auditContent = (audit: object) => ({
  [auditMediaTypes.json]: { schema: audit },
  ...Object.fromEntries(
    names.map((name) => {
      const { mediaType, description, example } = auditFormats[name]
      const type = mediaType.endsWith('json') ? 'object' : 'string'
      return [mediaType, { schema: { type, description, examples: [example] } }]
    }),
  ),
})

interface Source {
  stores: Stores
  version: string
  pages: PageUrls
}

/** An audit that has ended, with its findings; throws ConflictError where it has not, or where they are not kept any more. */
async function openAudit(
  { stores, version, pages }: Source,
  audit: Audit,
): Promise<{ audit: ReportedAudit; findings: Findings }> {
  if (audit.finishedAt === null) throw new ConflictError(`the audit has not ended: it is ${audit.status}`)
  await checkFindingsKept(stores, audit)
  const policy = await stores.policies.find(audit.policy.name, audit.policy.version)
  if (!policy) throw new Error(`audit ${audit.id} has no policy`)
  const { name, version: number, digest, document } = policy
  const source = await stores.policies.source(policy.id)
  const { requestedByName: _, ...lasting } = audit // a person can get another name, and the document does not change
  return {
    audit: {
      ...lasting,
      policy: { name, version: number, digest, document },
      toolVersion: version,
      pages,
      regionOf: createRegions(document, source),
    },
    findings: () => stores.findings.each(audit.id),
  }
}

/** Throws ConflictError for an ended audit whose findings retention has dropped: an empty list would say that it had none. */
export async function checkFindingsKept({ findings }: Stores, audit: Audit): Promise<void> {
  if (audit.finishedAt === null || totalOf(audit) === 0 || (await findings.areKept(audit.id))) return
  throw new ConflictError('the findings of this audit are not kept any more: PORTWARDEN_RETENTION_DAYS')
}

/** What the documents of an ended audit depend on. */
const identityOf = ({ version, pages }: Source, { id, finishedAt }: Audit) => [id, finishedAt, version, pages.audit(id)]

/** Streams an audit as a document. It never changes, so its ETag needs no findings. */
export async function sendAuditDocument(
  source: Source,
  { audit, format }: { audit: Audit; format: AuditFormatName },
  reply: FastifyReply,
) {
  const opened = await openAudit(source, audit)
  setStreamEtag(reply, ...identityOf(source, audit), format)
  const { mediaType, ending, render } = auditFormats[format]
  const pieces = render(opened.audit, opened.findings)
  return asFile(reply, `audit-${audit.id}.${ending}`)
    .type(`${mediaType}; charset=utf-8`)
    .send(Readable.from(pieces, { objectMode: false }))
}

/** Streams the evidence pack of an audit. */
export async function sendPack(source: Source, audit: Audit, reply: FastifyReply) {
  const { audits, ledger } = source.stores
  const opened = await openAudit(source, audit)
  const [entry] = (await ledger.list({ action: 'audit.finish', subject: audit.id, limit: 1 })).items
  const vantages = await audits.plannedVantages(audit.id)
  setStreamEtag(reply, ...identityOf(source, audit), 'pack')
  const pieces = renderPack({ ...opened, vantages, ...(entry ? { more: { 'ledger.json': entry } } : {}) })
  return asFile(reply, `audit-${audit.id}.zip`)
    .type(packMediaType)
    .send(Readable.from(pieces, { objectMode: false }))
}

export const packMediaType = 'application/zip'
