export interface Queue<T> {
  push(value: T): void
  shift(): T | undefined
  isEmpty(): boolean
}

interface Link<T> {
  value: T
  next: Link<T> | undefined
}

/** First in, first out. A linked list, because the cost of an array's shift() grows with its length. */
export const createQueue = <T>(): Queue<T> => new LinkedQueue()

class LinkedQueue<T> implements Queue<T> {
  #first: Link<T> | undefined
  #last: Link<T> | undefined

  isEmpty(): boolean {
    return this.#first === undefined
  }

  push(value: T): void {
    const link: Link<T> = { value, next: undefined }
    if (this.#last) this.#last.next = link
    else this.#first = link
    this.#last = link
  }

  shift(): T | undefined {
    const link = this.#first
    if (!link) return undefined
    this.#first = link.next
    if (!this.#first) this.#last = undefined
    link.next = undefined // else a dead link in V8's old generation keeps its successors alive
    return link.value
  }
}
