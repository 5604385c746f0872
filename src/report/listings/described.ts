import { type Columns, type CsvDialect, csvCells, csvHead, csvLineOf } from '../../encoding/csv.ts'
import { type Described, type FindingRow, findingColumns } from './columns.ts'

type RulePart = Pick<
  Described,
  'policy' | 'policyVersion' | 'title' | 'severity' | 'controls' | 'remediation' | 'audit'
>
type VantagePart = Pick<Described, 'zones'>
type TargetPart = Pick<Described, 'address' | 'labels' | 'externalId'>
type OwnPart = Pick<Described, 'host' | 'port' | 'url'>

/** Parts that many findings share are the same object, which is written once. */
interface Parts {
  rule: RulePart
  vantage: VantagePart
  target: TargetPart
  own: OwnPart
}

const ruleColumns: Columns<RulePart> = {
  policy: (item) => item.policy,
  policyVersion: (item) => item.policyVersion,
  title: (item) => item.title,
  severity: (item) => item.severity,
  controls: (item) => item.controls.join(' '),
  remediation: (item) => item.remediation,
  audit: (item) => item.audit,
}
const vantageColumns: Columns<VantagePart> = { zones: (item) => item.zones.join(' ') }
const targetColumns: Columns<TargetPart> = {
  address: (item) => item.address,
  labels: (item) => item.labels,
  externalId: (item) => item.externalId,
}
const ownColumns: Columns<OwnPart> = { host: (item) => item.host, port: (item) => item.port, url: (item) => item.url }

/** In the order of `findingColumns`, so that readers by position find the same columns. */
export const describedFindingColumns: Columns<FindingRow & Described> = {
  ...findingColumns,
  ...ruleColumns,
  ...vantageColumns,
  ...targetColumns,
  ...ownColumns,
}

/** Writes findings with what describes them, as `describedFindingColumns` and as JSON; what they share is encoded once. */
export function createDescribedEncoder<F extends { finding: FindingRow }>(partsOf: (found: F) => Parts) {
  const membersOf = remember((part: object) => JSON.stringify(part).slice(1, -1))
  const toJson = (found: F): string => {
    const { rule, vantage, target, own } = partsOf(found)
    const members = [membersOf(rule), membersOf(vantage), membersOf(target), JSON.stringify(own).slice(1, -1)]
    return `${JSON.stringify(found.finding).slice(0, -1)},${members.join()}}`
  }
  const createLine = (dialect: CsvDialect) => {
    const ruleCells = remember((part: RulePart) => csvCells(ruleColumns, part, dialect))
    const vantageCells = remember((part: VantagePart) => csvCells(vantageColumns, part, dialect))
    const targetCells = remember((part: TargetPart) => csvCells(targetColumns, part, dialect))
    return (found: F): string => {
      const { rule, vantage, target, own } = partsOf(found)
      const shared = [ruleCells(rule), vantageCells(vantage), targetCells(target)]
      const cells = [csvCells(findingColumns, found.finding, dialect), ...shared, csvCells(ownColumns, own, dialect)]
      return csvLineOf(cells, dialect)
    }
  }
  const lines: Partial<Record<CsvDialect, (found: F) => string>> = {}
  return {
    csvHead: (dialect: CsvDialect) => csvHead(describedFindingColumns, dialect),
    csvLines(items: readonly F[], dialect: CsvDialect): string {
      const line = lines[dialect] ?? createLine(dialect)
      lines[dialect] = line
      return items.map(line).join('')
    },
    toJson,
  }
}

function remember<T extends object>(make: (part: T) => string): (part: T) => string {
  const known = new WeakMap<T, string>()
  return (part) => {
    const text = known.get(part) ?? make(part)
    known.set(part, text)
    return text
  }
}
