import { isMap, isSeq, LineCounter, parseDocument } from 'yaml'
import type { PolicyDocument } from '../domain/policy/policy.ts'
import type { TextRegion } from '../encoding/text.ts'
import { writeYaml } from './write.ts'

const beginning: TextRegion = { startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 }

/**
 * Finds the rules of a policy in its YAML text; without one, in that of `portwarden policy show`.
 * Lines and columns count from 1; a rule that is not found is the beginning of the text.
 */
export function createRegions(document: PolicyDocument, source: string | null): (rule: string) => TextRegion {
  let regions: Map<string, TextRegion> | undefined
  return (rule) => {
    regions ??= regionsOf(document, source ?? writeYaml(document))
    return regions.get(rule) ?? beginning
  }
}

function regionsOf({ rules }: PolicyDocument, text: string): Map<string, TextRegion> {
  const lineCounter = new LineCounter()
  const { contents } = parseDocument(text, { lineCounter })
  if (!isMap(contents)) return new Map()
  const listed = contents.get('rules')
  const regions = new Map<string, TextRegion>()
  if (!isSeq(listed)) return regions
  // A text with `extends` has some of the rules only.
  const byIndex = contents.has('extends') ? undefined : rules
  listed.items.forEach((item, i) => {
    const id = byIndex ? byIndex[i]?.id : isMap(item) ? item.get('id') : undefined
    const range = (item as { range?: readonly [number, number, number] | null }).range
    if (typeof id !== 'string' || !range) return
    const [start, end] = [lineCounter.linePos(range[0]), lineCounter.linePos(range[1])]
    regions.set(id, { startLine: start.line, startColumn: start.col, endLine: end.line, endColumn: end.col })
  })
  return regions
}
