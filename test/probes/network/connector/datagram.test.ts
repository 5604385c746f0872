import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sendDatagram } from '../../../../src/probes/network/connector/datagram.ts'

const attempt = { address: '127.0.0.1', port: 9, datagram: Buffer.from('x'), accepts: () => true, knowsIcmp: true }

test('an exchange that was canceled before it began sends nothing and leaves no descriptor', async () => {
  const open = () => readdirSync('/proc/self/fd').length
  await sendDatagram({ ...attempt, signal: AbortSignal.abort() }) // loads what stays loaded
  const before = open()
  for (let i = 0; i < 50; i++) {
    const { outcome } = await sendDatagram({ ...attempt, signal: AbortSignal.abort() })
    expect(outcome).toBe('canceled')
  }
  expect(open() - before).toBeLessThan(10)
})

test('a name is no address of an exchange', async () => {
  const signal = new AbortController().signal
  await expect(sendDatagram({ ...attempt, address: 'localhost', signal })).rejects.toThrow(RangeError)
})
