/** The head of a response, names and values in turn, as Latin-1. */
export interface ResponseHead {
  /** Of the last status line, an informational one included; absent if it has none. */
  status?: number
  rawHeaders: string[]
}

/** `foreign`: what follows is no response head. */
type Progress = 'more' | 'complete' | 'foreign'

const lineFeed = 0x0a
const switchingProtocols = 101
const statusLine = /^HTTP(?:\/[\d.]*)?[ \t]+(\d{3})(?!\d)/i

/**
 * Reads a response head as liberally as clients do (RFC 9112 section 2.2): line feeds alone, blank lines before it, any
 * case, no reason phrase, folded lines. Skips informational responses. Linear in the bytes, in chunks of any size.
 */
export class HeadReader {
  head: ResponseHead | undefined
  #inHeaders = false
  #rest = ''

  read(bytes: Buffer): Progress {
    this.#rest += bytes.toString('latin1')
    if (!this.#inHeaders) this.#rest = this.#rest.trimStart() // also what is trimmed is read once
    if (this.#isForeign()) return 'foreign'
    if (!bytes.includes(lineFeed)) return 'more'
    const lines = this.#rest.split(/\r?\n/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const progress = this.#inHeaders ? this.#readField(line) : this.#readStatus(line)
      if (progress !== 'more') return progress
    }
    return this.#isForeign() ? 'foreign' : 'more'
  }

  #isForeign(): boolean {
    return !this.#inHeaders && !'HTTP'.startsWith(this.#rest.slice(0, 4).toUpperCase())
  }

  #readStatus(line: string): Progress {
    if (line.trim() === '') return 'more'
    if (!/^HTTP/i.test(line.trimStart())) return 'foreign'
    const [, status] = statusLine.exec(line.trimStart()) ?? []
    this.head = { ...(status !== undefined && { status: Number(status) }), rawHeaders: [] }
    this.#inHeaders = true
    return 'more'
  }

  #readField(line: string): Progress {
    const { status = 0, rawHeaders = [] } = this.head ?? {}
    if (line === '') {
      this.#inHeaders = false
      return status >= 100 && status < 200 && status !== switchingProtocols ? 'more' : 'complete'
    }
    const [, name = '', value = ''] = /^([^:]*):?(.*)$/s.exec(line) ?? []
    if (/^[ \t]/.test(line)) rawHeaders.push(`${rawHeaders.pop() ?? ''} ${line.trim()}`)
    else rawHeaders.push(name.trim(), value.trim())
    return 'more'
  }
}
