const description = `Are the network ports of our servers exactly as the policy says, seen from the networks that matter, and what changed since?

- **Authentication**: \`Authorization: Bearer KEY\`. \`x-portwarden-scopes\` of an operation lists the scopes of which the key needs one; operations with \`x-portwarden-limited\` also accept keys that are limited to targets with labels, and return only these targets.
- **Errors** are problem details (RFC 9457), also for unknown paths (404) and methods (405, with \`Allow\`).
- **Listings** come in pages; \`next\` is the \`cursor\` of the next page.
- **Retries** are safe: send \`Idempotency-Key\` with every request that creates, and \`If-Match\` with every change.`

/** The parts of the OpenAPI document that do not depend on routes. */
export const documentHead = (version: string, pathPrefix: string) => ({
  openapi: '3.1.0',
  info: {
    title: 'Portwarden',
    version,
    summary: 'Audits server ports for compliance',
    description,
    contact: { name: 'Portwarden maintainers' },
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: pathPrefix || '/', description: 'The service that serves this document' }],
  components: {
    securitySchemes: {
      key: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'An API key (`pw_<id>_<secret>`), or a JWT of an issuer that the service trusts',
      },
    },
  },
  security: [{ key: [] }],
  tags: [
    { name: 'audits', description: 'Create audits and read their findings' },
    { name: 'findings', description: 'What is true now, across audits' },
    { name: 'search', description: 'Find anything by a text' },
    { name: 'traces', description: 'Find where a port is blocked' },
    { name: 'targets', description: 'The hosts under audit and their history' },
    { name: 'policies', description: 'The versioned rules that targets must comply with' },
    { name: 'schedules', description: 'Audits at fixed times' },
    { name: 'windows', description: 'Approved exposures for a limited time' },
    { name: 'waivers', description: 'Accepted failures for a limited time' },
    { name: 'reports', description: 'Drift, compliance, controls and history' },
    { name: 'vantages', description: 'The sources of probes, and the work of agents' },
    { name: 'keys', description: 'API keys' },
    { name: 'ledger', description: 'The tamper-evident log of all changes' },
    { name: 'webhooks', description: 'Notifications about events' },
    { name: 'operations', description: 'Health, metrics and single probes' },
  ],
})
