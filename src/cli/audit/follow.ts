import type { Audit } from '../../domain/audits.ts'
import type { Service } from '../connection/api.ts'

/** An audit that goes on, with the batches of each vantage. */
export interface Progress extends Audit {
  vantages?: { name: string; done: number; total: number; lastSeenAt?: string | null; waitsUntil?: string | null }[]
}

/** Waits for the end of an audit; a stream that breaks off is opened again. */
export async function followAudit(service: Service, id: string, onProgress: (audit: Progress) => void): Promise<Audit> {
  for (;;) {
    for await (const { name, audit } of eventsOf(await service.call(`/v1/audits/${id}/events`))) {
      if (name === 'ended') return audit
      onProgress(audit)
    }
  }
}

/** The events of a stream (WHATWG HTML, server-sent events) in the form in which the service sends them. */
async function* eventsOf(response: Response): AsyncGenerator<{ name: string; audit: Progress }> {
  let rest = ''
  for await (const piece of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const [, name] = /^event: (.*)$/m.exec(event) ?? []
      const [, data] = /^data: (.*)$/m.exec(event) ?? []
      if (name !== undefined && data !== undefined) yield { name, audit: JSON.parse(data) }
    }
  }
}
