import { Worker } from 'node:worker_threads'
import type { Base, BaseReference } from '../../policies/extend.ts'
import { type Checked, checkPolicy, loadPolicy } from '../../policies/load.ts'
import { maxDocumentBytes } from '../../policies/read.ts'
import { moduleBeside } from '../../runtime/beside.ts'
import type { Stores } from '../../store/db/stores.ts'

/** A document as YAML text, or as the JSON text of its value. */
export interface Draft {
  text: string
  format: 'yaml' | 'value'
  /** What it extends. */
  base?: Base
}

/** Characters of a draft that is checked in this thread: each takes up to 2.5 µs. */
const smallDraft = 16 * 1024
/** How long an idle thread waits for the next large draft. */
const idleMs = 30_000

/** The body of a request as a draft: YAML text, or a value of JSON. */
export const draftOf = (body: unknown): Draft =>
  typeof body === 'string' ? { text: body, format: 'yaml' } : { text: JSON.stringify(body) ?? 'null', format: 'value' }

/** Checks a draft, with its stored base. */
export async function checkDraft({ policies }: Pick<Stores, 'policies'>, draft: Draft): Promise<Checked> {
  const checked = await checkAlone(draft)
  if (!('missingBase' in checked) || !checked.missingBase) return checked
  const base = await findBase(policies, checked.missingBase)
  return base ? checkAlone({ ...draft, base }) : checked
}

async function findBase(policies: Stores['policies'], { name, version }: BaseReference): Promise<Base | undefined> {
  const stored = await policies.find(name, version)
  return stored && { label: `${name}@${stored.version}`, document: stored.document }
}

/** Large drafts are checked in a thread, where they block no request. */
async function checkAlone(draft: Draft): Promise<Checked> {
  // Too long ones are refused before anything reads them.
  return draft.text.length <= smallDraft || draft.text.length > maxDocumentBytes
    ? checkHere(draft)
    : checkInThread(draft)
}

/** Checks a draft in this thread. */
export const checkHere = ({ text, format, base }: Draft): Checked =>
  format === 'yaml' ? loadPolicy(text, 'yaml', base) : checkPolicy(JSON.parse(text), base)

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
