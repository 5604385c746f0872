/** The URLs of the console's pages; null where people cannot open them by a URL that the service knows. */
export interface PageUrls {
  /** The documentation of the API. */
  docs(): string | null
  audit(id: string): string | null
  finding(fingerprint: string): string | null
  /** The digest of a period. */
  digest(period: { from: string; to: string }): string | null
  /** A rule on the page of its policy. */
  rule(policy: { name: string; version: number }, rule: string): string | null
}

/** Builds the URLs of pages; `publicUrl` is that of the service, undefined where it is not known or has no console. */
export function pageUrls(publicUrl: string | undefined): PageUrls {
  const url = (path: string, under = 'ui/') => (publicUrl === undefined ? null : `${publicUrl}/${under}${path}`)
  const part = encodeURIComponent
  return {
    docs: () => url('docs', ''),
    audit: (id) => url(`audits/${part(id)}`),
    finding: (fingerprint) => url(`findings/${part(fingerprint)}`),
    digest: ({ from, to }) => url(`reports/digest?${new URLSearchParams({ from, at: to })}`),
    rule: ({ name, version }, rule) => url(`policies/${part(name)}?version=${version}#${part(rule)}`),
  }
}
