import { Worker } from 'node:worker_threads'
import { checkPolicy, loadPolicy } from '../../policies/load.ts'
import { maxDocumentBytes } from '../../policies/read.ts'
import { moduleBeside } from '../../runtime/beside.ts'

type Checked = ReturnType<typeof loadPolicy>

/** A document as YAML text, or as the JSON text of its value. */
export interface Draft {
  text: string
  format: 'yaml' | 'value'
}

/** Characters of a draft that is checked in this thread: each takes up to 2.5 µs. */
const smallDraft = 16 * 1024
/** How long an idle thread waits for the next large draft. */
const idleMs = 30_000

/** The value of a JSON document as a draft. */
export const draftOf = (value: unknown): Draft => ({ text: JSON.stringify(value) ?? 'null', format: 'value' })

/** Checks a draft. Large ones are checked in a thread, where they block no request. */
export async function checkDraft(draft: Draft): Promise<Checked> {
  // Too long ones are refused before anything reads them.
  return draft.text.length <= smallDraft || draft.text.length > maxDocumentBytes
    ? checkHere(draft)
    : checkInThread(draft)
}

/** Checks a draft in this thread. */
export const checkHere = ({ text, format }: Draft): Checked =>
  format === 'yaml' ? loadPolicy(text, 'yaml') : checkPolicy(JSON.parse(text))

let thread: Worker | undefined
const waiting: PromiseWithResolvers<Checked>[] = []
let idle: NodeJS.Timeout | undefined

/** One thread, which returns results in the order of the drafts. */
function checkInThread(draft: Draft): Promise<Checked> {
  clearTimeout(idle)
  thread ??= startThread()
  const result = Promise.withResolvers<Checked>()
  waiting.push(result)
  thread.postMessage(draft)
  return result.promise
}

function startThread(): Worker {
  const started = new Worker(moduleBeside('check-thread', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  })
  const fail = (error: unknown) => {
    if (thread === started) thread = undefined
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  started.on('message', (checked: Checked) => {
    waiting.shift()?.resolve(checked)
    if (waiting.length === 0) idle = setTimeout(() => void stopThread(started), idleMs).unref()
  })
  started.on('error', fail)
  started.unref() // does not keep the process alive
  return started
}

async function stopThread(idleThread: Worker): Promise<void> {
  if (thread === idleThread) thread = undefined
  await idleThread.terminate()
}
