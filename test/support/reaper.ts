import { type ChildProcess, spawn } from 'node:child_process'

/** Reads `+ ID COMMAND` and `- ID`; at the end of its input it runs the remaining commands, newest first. */
const program = `
$1 == "+" { newest = $2; sub(/^[^ ]+ [^ ]+ /, ""); todo[newest] = $0 }
$1 == "-" { delete todo[$2] }
END { for (id = newest; id > 0; id--) if (id in todo) system(todo[id]) }`

let reaper: ChildProcess | undefined
let lastId = 0

/**
 * Runs a command after the end of this process, unless the returned function was called. A separate process does it, because
 * vitest may end its workers with SIGKILL.
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

/** Detached, so that Ctrl-C does not end it early; never waited for. */
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
