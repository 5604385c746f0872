/** A try that was started, and reports its course with `sent`, then `ended` or `failed`. */
export interface RunningTry {
  /** Whether nothing has come from the peer yet, so that another try may run beside this one. */
  isSilent(): boolean
}

export interface Spacing {
  tries: number
  /** The pause between two tries that do not overlap; the second is twice as long, and so on. */
  spacingMs: number
}

/**
 * Repeats a silent check: the first response to any try decides, and silence only after every try has waited its whole time. So
 * overlapping tries are as certain for slow peers and lost packets as tries one after the other. A class, because every check
 * has one, and closures cost memory.
 */
export abstract class Tries<R> {
  readonly #spacing: Spacing
  #started = 0
  #sent = 0
  #running = 0
  #sentAt = 0
  #settled = false
  #newest: RunningTry | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(spacing: Spacing) {
    this.#spacing = spacing
  }

  /** After which time the next try may begin beside this one; undefined: when this one has ended. */
  protected abstract overlapMs(): number | undefined
  /** Starts a try; the last one must decide. */
  protected abstract start(isLast: boolean): RunningTry
  /** Receives the result, and the number of tries with a first packet. */
  protected abstract decided(result: R, attempts: number): void
  /** Receives the failure of a try. */
  protected abstract broke(error: unknown): void

  startNext(): void {
    this.#started += 1
    this.#running += 1
    this.#newest = this.start(this.#isLast)
  }

  /** Reports the first packet of a try. */
  sent(): void {
    this.#sent += 1
    this.#sentAt = performance.now()
    if (!this.#isLast) this.#wait(this.#leftMs() ?? this.#spacing.spacingMs)
  }

  /** Reports the end of a try; silence proves nothing yet. */
  ended(result: R, isSilent: boolean): void {
    this.#running -= 1
    if (this.#settled) return
    if (!isSilent || (this.#running === 0 && this.#isLast)) {
      this.#settle()
      this.decided(result, this.#sent)
    } else if (this.#running === 0) this.#wait(this.#leftMs() ?? this.#spacing.spacingMs * this.#started)
  }

  failed(error: unknown): void {
    if (this.#settled) return
    this.#settle()
    this.broke(error)
  }

  get #isLast(): boolean {
    return this.#started === this.#spacing.tries
  }

  /** How long to wait for the next try, if the network responds. */
  #leftMs(): number | undefined {
    const afterMs = this.overlapMs()
    return afterMs === undefined ? undefined : Math.max(0, afterMs * this.#started - (performance.now() - this.#sentAt))
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#settled) this.#timer = setTimeout(() => this.#continue(), ms)
  }

  /** Starts the next try; beside a running one only where the network is known to respond. */
  #continue(): void {
    const ms = this.#running === 0 ? 0 : this.#newest?.isSilent() ? this.#leftMs() : undefined
    if (ms === 0) this.startNext()
    else this.#wait(Math.max(ms ?? this.#spacing.spacingMs, 1))
  }

  #settle(): void {
    this.#settled = true
    clearTimeout(this.#timer)
  }
}
