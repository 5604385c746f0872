import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Reads `+ ID COMMAND` and `- ID`; when its input ends it runs what is left, the newest first, so that a process is
 * ended before its directory is removed.
 */
const program = `
$1 == "+" { newest = $2; sub(/^[^ ]+ [^ ]+ /, ""); todo[newest] = $0 }
$1 == "-" { delete todo[$2] }
END { for (id = newest; id > 0; id--) if (id in todo) system(todo[id]) }`

let reaper: ChildProcess | undefined
let lastId = 0

/**
 * Has a command run when this process is gone, unless the returned function was called before. A process of its own sees
 * to that, because vitest ends its workers with signals, SIGKILL among them, on which nothing inside them can clean up.
 */
export function afterDeath(argv: readonly string[]): () => void {
  reaper ??= startReaper()
  lastId += 1
  const id = lastId
  reaper.stdin?.write(`+ ${id} ${argv.map(quote).join(' ')}\n`)
  return () => {
    reaper?.stdin?.write(`- ${id}\n`)
  }
}

/** Detached, so that a Ctrl-C for the test run does not end it too early. It keeps nobody waiting. */
function startReaper(): ChildProcess {
  const child = spawn('awk', [program], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  const input = child.stdin
  if (input && 'unref' in input && typeof input.unref === 'function') input.unref()
  return child
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
