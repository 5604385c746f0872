export interface Queue<T> {
  push(value: T): void
  shift(): T | undefined
  isEmpty(): boolean
}

interface Link<T> {
  value: T
  next?: Link<T>
}

/** First in, first out. A linked list, because the cost of an array's shift() grows with its length. */
export function createQueue<T>(): Queue<T> {
  let first: Link<T> | undefined
  let last: Link<T> | undefined
  return {
    isEmpty: () => first === undefined,
    push(value) {
      const link: Link<T> = { value }
      if (last) last.next = link
      else first = link
      last = link
    },
    shift() {
      const link = first
      if (!link) return undefined
      first = link.next
      if (!first) last = undefined
      link.next = undefined // else a dead link in V8's old generation keeps its successors alive
      return link.value
    },
  }
}
