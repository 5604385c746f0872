import { readReference, type TargetReference } from '../../../domain/targets.ts'

interface TargetChoice {
  /** As the API takes them; undefined while the text selects nothing. */
  targets?: (TargetReference | { name: string; address: string })[] | { labels: Record<string, string> }
  /** What the text means. */
  sentence: string
}

/** Reads the field for targets: names, names with addresses, external ids (`externalId=ID`), or labels. */
export function readTargets(text: string): TargetChoice {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (lines.length === 0) return { sentence: 'No target yet.' }
  const labels = lines.filter((line) => line.includes('=') && typeof readReference(line) === 'string')
  if (labels.length === lines.length) {
    const pairs = labels.map((line) => [
      line.slice(0, line.indexOf('=')).trim(),
      line.slice(line.indexOf('=') + 1).trim(),
    ])
    return { targets: { labels: Object.fromEntries(pairs) }, sentence: `All targets with ${labels.join(' and ')}.` }
  }
  if (labels.length > 0) return { sentence: 'Give names or labels, not both.' }
  const targets = lines.map((line) => {
    const reference = readReference(line)
    if (typeof reference !== 'string') return reference
    const [name = '', address] = line.split(/[\s,;]+/)
    return address ? { name, address } : name
  })
  const created = targets.filter((target) => typeof target !== 'string' && 'address' in target).length
  const count = `${targets.length} ${targets.length === 1 ? 'target' : 'targets'}`
  return { targets, sentence: created > 0 ? `${count}; ${created} with an address, which is saved.` : `${count}.` }
}
