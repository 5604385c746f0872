import { hideSecrets } from '../../../../encoding/text.ts'
import type { Note } from './body.ts'

/** Notes that a response lists. */
const maxNotes = 100

export interface ImportNote {
  line: number
  detail: string
  count: number
}

/** What a reader assumed or passed over: the first notes, each with the line of its first case and their number. */
export function createNotes() {
  const kept = new Map<string, ImportNote>()
  let omitted = 0
  const add: Note = (text, line) => {
    const detail = hideSecrets(text)
    const known = kept.get(detail)
    if (known) known.count += 1
    else if (kept.size < maxNotes) kept.set(detail, { line, detail, count: 1 })
    else omitted += 1
  }
  return {
    add,
    /** Members of the response; none when there is nothing to note. */
    list: (): { notes?: ImportNote[]; omittedNotes?: number } => ({
      ...(kept.size > 0 && { notes: [...kept.values()] }),
      ...(omitted > 0 && { omittedNotes: omitted }),
    }),
  }
}
