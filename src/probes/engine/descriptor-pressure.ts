import { closeSync, openSync, readFileSync } from 'node:fs'

/** Detects a shortage of file descriptors, during which a name query reports "no such name". */
export interface DescriptorWatch {
  /** Records that an open failed for want of a descriptor. */
  ranOut(): void
  /** True if descriptors are scarce now or ran out since `at`, a value of `performance.now()`. */
  wereScarceSince(at: number): boolean
}

// A name query opens several files and sockets together: one free descriptor proves nothing.
const spare = 8

/** Starts to watch; one for the process, shared by all code that opens descriptors. */
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
 * The wanted number of sockets, bounded so that a quarter of the process's descriptors stays free for everything else.
 * Without /proc the limit is not known, and the number is not bounded.
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
