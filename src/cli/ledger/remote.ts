import type { LedgerEntry } from '../../domain/ledger.ts'
import { required } from '../../runtime/required.ts'
import type { Verification } from '../../store/ledger/verification.ts'
import type { Service } from '../connection/api.ts'

const pageSize = 1_000

/** The ledger of a service, over its API. The service verifies it with its own key. */
export function remoteLedger(service: Service) {
  return {
    head: () => service.json<object>('/v1/ledger/head'),

    async *entries(): AsyncGenerator<object[]> {
      let page: object[] = []
      for await (const { actorName: _, ...entry } of service.items<LedgerEntry & { actorName: string | null }>(
        `/v1/ledger?limit=${pageSize}`,
      )) {
        page.push(entry)
        if (page.length < pageSize) continue
        yield page
        page = []
      }
      yield page
    },

    /** Verifies part by part, and adds them up; ends at the first broken one. */
    async verify({ head, findings }: { head: string | undefined; findings: boolean }): Promise<Verification> {
      let whole: Verification | undefined
      for (let from: number | null = 1; from !== null; ) {
        const query = new URLSearchParams({
          from: String(from),
          ...(findings && { findings: 'true' }),
          ...(head !== undefined && { head }),
        })
        const part = await service.json<Verification>(`/v1/ledger/verify?${query}`)
        whole = whole ? add(whole, part) : part
        from = whole.broken ? null : part.next
      }
      return required(whole, 'the first part')
    },
  }
}

const verdicts = ['broken', 'unverified', 'intact'] as const

function add(before: Verification, part: Verification): Verification {
  const unverified = new Map(before.unverified.map((one) => [one.keyId, one]))
  for (const one of part.unverified) {
    const known = unverified.get(one.keyId)
    unverified.set(one.keyId, known ? { ...known, entries: known.entries + one.entries } : one)
  }
  return {
    verdict: verdicts.find((verdict) => before.verdict === verdict || part.verdict === verdict) ?? 'intact',
    entries: before.entries + part.entries,
    broken: before.broken ?? part.broken,
    unverified: [...unverified.values()],
    findings: addFindings(before.findings, part.findings),
    next: part.next,
  }
}

type Findings = Verification['findings']

function addFindings(before: Findings, part: Findings): Findings {
  if (!before || !part) return before ?? part
  return {
    audits: before.audits + part.audits,
    dropped: before.dropped + part.dropped,
    older: before.older + part.older,
    adopted: before.adopted + part.adopted,
    unproven: before.unproven + part.unproven,
    firstUnproven: before.firstUnproven ?? part.firstUnproven,
  }
}
