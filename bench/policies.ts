import type { PolicyDocument } from '../src/domain/policy/policy.ts'

/** A policy of open TCP ports. */
export const portPolicy = (name: string, ports: readonly number[]): PolicyDocument => ({
  name,
  title: `The ports ${ports.join(', ')} are open`,
  rules: ports.map((port) => ({
    id: `port-${port}`,
    title: `Port ${port} is open`,
    severity: 'medium',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    port,
    expect: { state: ['open'] },
  })),
})
