import { webhookEvents } from './webhook-events.ts'

/** What the OpenAPI document says beside its operations. */
export const documentHead = (version: string) => ({
  openapi: '3.1.0',
  info: {
    title: 'Portwarden',
    version,
    description:
      'Audits server ports for compliance: are the network ports of our servers exactly as the policy says, seen from the places that matter, and what changed since?\n\nErrors are problem details (RFC 9457), also those that no operation names: 404 for a path that there is not, and 405 for a method that it does not take, with those that it takes in `Allow`.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'Where this document came from' }],
  components: {
    securitySchemes: {
      key: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'An API key, pw_<id>_<secret>, or a JWT of the issuer that the service is told to trust',
      },
    },
  },
  security: [{ key: [] }],
  webhooks: webhookEvents,
  tags: [
    { name: 'audits', description: 'Ask for audits and read their findings' },
    { name: 'targets', description: 'The hosts under audit and their history' },
    { name: 'policies', description: 'What must hold' },
    { name: 'schedules', description: 'When audits begin by themselves' },
    { name: 'windows', description: 'Exposures that are permitted for a time' },
    { name: 'waivers', description: 'Failures that are accepted for a time' },
    { name: 'reports', description: 'What changed' },
    { name: 'vantages', description: 'The places from which probes are made' },
    { name: 'keys', description: 'Who may call' },
    { name: 'ledger', description: 'What happened, proven' },
    { name: 'webhooks', description: 'Who is told of what' },
    { name: 'operations', description: 'For those who run the service' },
  ],
})
