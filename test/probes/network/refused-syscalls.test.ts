import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { listen } from '../../support/listen.ts'
import { observeRefused, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'

describeWithPeers(['system-calls'], 'system calls that the kernel of the vantage refuses', () => {
  test.each([
    ['connect', 'ENOBUFS', 'local-resources'],
    ['connect', 'ENOMEM', 'local-resources'],
    ['socket', 'ENOBUFS', 'local-resources'],
    ['socket', 'ENOMEM', 'local-resources'],
    ['socket', 'ENFILE', 'descriptors-exhausted'],
    ['connect', 'EADDRINUSE', 'ports-exhausted'],
    ['connect', 'EADDRNOTAVAIL', 'no-local-route'],
    ['connect', 'ENETUNREACH', 'no-local-route'],
    ['socket', 'EAFNOSUPPORT', 'no-local-route'],
    ['connect', 'EINVAL', 'no-local-route'],
    ['connect', 'EPERM', 'local-denied'],
    ['connect', 'EACCES', 'local-denied'],
    ['socket', 'EACCES', 'local-denied'],
    ['connect', 'EIO', 'local-failure'],
  ] as const)('%s with %s gives unknown with %s, not a state of the target', async (call, error, reason) => {
    const { host, port, close } = await listen(createServer())
    const check = { probe: 'tcp' as const, host, port, options: {} }
    const [seen] = await observeRefused(call, error, { ...patience, tries: 2, checks: [check] })
    expect(seen?.addressResults).toMatchObject([{ address: host, state: 'unknown', reason }])
    await close()
  })
})
