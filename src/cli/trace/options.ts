export interface TraceOptions {
  /** The port to compare with; undefined: the common ones in turn. */
  compare?: number
  /** Of the service; undefined: its only one. */
  vantage?: string
  json?: true
  server?: URL
}

export interface Request extends TraceOptions {
  host: string
  port: number
}
