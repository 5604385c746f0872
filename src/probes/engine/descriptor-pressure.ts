import { closeSync, openSync, readFileSync } from 'node:fs'

/** Knows whether the process was short of file descriptors, which makes a name look-up answer "no such name". */
export interface DescriptorWatch {
  /** Reports that an open failed for want of a descriptor. */
  ranOut(): void
  /** True when descriptors are scarce now, or ran out since that moment of `performance.now()`. */
  wereScarceSince(at: number): boolean
}

// A look-up opens several files and sockets at once; one free descriptor would not prove that it could.
const spare = 8

/** Starts to watch; one for the process, shared by all that open descriptors. */
export function watchDescriptors(): DescriptorWatch {
  let ranOutAt = Number.NEGATIVE_INFINITY
  return {
    ranOut() {
      ranOutAt = performance.now()
    },
    wereScarceSince: (at) => ranOutAt >= at || !canOpen(spare),
  }
}

function canOpen(count: number): boolean {
  const opened: number[] = []
  try {
    while (opened.length < count) opened.push(openSync('/dev/null', 'r'))
    return true
  } catch {
    return false
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

/**
 * As many sockets as wanted, yet no more than leave a quarter of the descriptors that this process may open to everything else.
 * Where the limit cannot be read (no /proc), what was wanted.
 */
export function affordableSockets(wanted: number): number {
  const limit = descriptorLimit()
  return limit === undefined ? wanted : Math.max(1, Math.min(wanted, Math.floor(limit * 0.75)))
}

function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
