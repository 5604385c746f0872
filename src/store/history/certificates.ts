import { anyProtocols, protocolNames } from '../../domain/protocols/index.ts'
import type { TlsFacts } from '../../domain/protocols/tls.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { andAll } from '../query/conditions.ts'
import { aTime, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import { trueAt } from '../query/point-in-time.ts'
import { isAbout, needsTarget } from '../query/series-joins.ts'
import { andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'
import { containing } from '../query/text-search.ts'
import type { ComplianceFilter } from './compliance.ts'

export interface CertificateFilter extends ComplianceFilter {
  /** Only those that end before. */
  expiresBefore?: Date
  /** A part of the subject or of a name, or the beginning of the SHA-256. */
  text?: string
}

/** Where a certificate was seen. */
export interface CertificateEndpoint {
  target: string
  host: string
  address: string
  port: number
}

/** A certificate, with what was seen of it in all endpoints. */
export interface SeenCertificate extends NonNullable<TlsFacts['certificate']> {
  /** Whether it was trusted everywhere; null where no probe has examined it. */
  trusted: boolean | null
  trustError: string | null
  /** Whether it named the host everywhere. */
  nameMatches: boolean | null
  targets: number
  /** At most 20. */
  seen: CertificateEndpoint[]
}

/** The certificates that servers show. */
export function createCertificateStore(db: Database, targetScope: TargetScope) {
  return {
    /** Certificates at a point in time, distinct by SHA-256, the first to end first; read from spans. */
    async page(at: Date, filter: CertificateFilter, { cursor, limit }: PageRequest): Promise<Page<SeenCertificate>> {
      const [afterEnd, afterSha256] = decodeCursor(cursor, [aTime, '']) ?? ['-infinity', '']
      const rows = await report<Row>(db)`
        ${shown(at, filter, targetScope)}, page AS MATERIALIZED (
          SELECT sha256, not_after, (array_agg(certificate))[1] AS certificate, bool_and(trusted) AS trusted, max(trust_error) AS "trustError",
            bool_and(name_matches) AS "nameMatches", count(DISTINCT target_id)::int AS targets,
            (array_agg(jsonb_build_object('target', target_id, 'host', host, 'address', address, 'port', port) ORDER BY target_id, address, port))[1:${shownEndpoints}] AS seen
          FROM shown WHERE (not_after, sha256) > (${afterEnd}::timestamptz, ${afterSha256}) GROUP BY 1, 2 ORDER BY 2, 1 LIMIT ${limit + 1}
        )
        SELECT p.certificate, p.trusted, p."trustError", p."nameMatches", p.targets, (
          SELECT jsonb_agg(x.endpoint || jsonb_build_object('target', t.name) ORDER BY t.name, x.endpoint->>'address')
          FROM (SELECT DISTINCT endpoint FROM unnest(p.seen) AS endpoint) x JOIN target t ON t.id = (x.endpoint->>'target')::int
        ) AS seen FROM page p ORDER BY p.not_after, p.sha256`
      return cutPage(rows, limit, {
        keyOf: ({ certificate: { notAfter, sha256 } }) => [new Date(notAfter).toISOString(), sha256],
        toItem: ({ certificate, ...row }) => ({ ...certificate, ...row }),
      })
    },
  }
}

const shownEndpoints = 20

const probesWithCertificates = protocolNames.filter((name) => {
  const { properties } = anyProtocols[name].facts
  return 'certificate' in properties || 'tls' in properties
})

interface Row extends Pick<SeenCertificate, 'trusted' | 'trustError' | 'nameMatches' | 'targets' | 'seen'> {
  certificate: NonNullable<TlsFacts['certificate']>
}

/** `shown`: a row for each certificate of each address and target. Evidence comes first: most of it has no certificate. */
const shown = (
  at: Date,
  { expiresBefore, text, ...filter }: CertificateFilter,
  targetScope: TargetScope,
): Limited => limitedSql`
  WITH c AS MATERIALIZED (
    SELECT e.id, e.content->>'host' AS host, a.key AS address, (e.content->'port')::int AS port, tls->'certificate' AS certificate,
      tls->'certificate'->>'sha256' AS sha256, (tls->'certificate'->>'notAfter')::timestamptz AS not_after,
      (tls->'trusted')::bool AS trusted, tls->>'trustError' AS trust_error, (tls->'nameMatches')::bool AS name_matches
    FROM evidence e CROSS JOIN LATERAL jsonb_each(e.content->'addresses') a
      CROSS JOIN LATERAL (SELECT coalesce(a.value->'facts'->'tls', a.value->'facts') AS tls) f
    WHERE e.content->>'probe' IN (${Prisma.join(probesWithCertificates)}) AND tls->'certificate' IS NOT NULL
      ${andAll([
        expiresBefore && Prisma.sql`(tls->'certificate'->>'notAfter')::timestamptz < ${expiresBefore}`,
        text !== undefined && hasText(text),
      ])}
  ), x AS (
    SELECT DISTINCT x.evidence_id, x.target_id FROM (SELECT DISTINCT id FROM c) e JOIN span x ON x.evidence_id = e.id ${
      filter.policy === undefined
        ? Prisma.empty
        : Prisma.sql`JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id`
    } ${needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
    WHERE ${trueAt(at)} ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}
  ), shown AS (SELECT x.target_id, c.* FROM x JOIN c ON c.id = x.evidence_id)`

const hasText = (text: string): Prisma.Sql => Prisma.sql`(
  ${containing(text, "(tls->'certificate'->>'subject')")} OR ${containing(text, "(tls->'certificate'->>'sans')")}
  OR starts_with(tls->'certificate'->>'sha256', ${text.toLowerCase().replaceAll(':', '')}))`
