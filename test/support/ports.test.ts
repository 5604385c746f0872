import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { listen } from './listen.ts'
import { freePorts } from './ports.ts'
import { probeIo } from './probe-io.ts'

test('free ports refuse connections, stay reserved, and accept a listener', async () => {
  const ports = await freePorts(500)
  expect(new Set(ports).size).toBe(500)
  const others = await Promise.all(Array.from({ length: 500 }, () => listen(createServer())))
  expect(others.filter(({ port }) => ports.includes(port))).toEqual([])
  const [port = 0] = ports
  const connect = () => probeIo().connect({ host: '127.0.0.1', address: '127.0.0.1', port })
  expect(await connect()).toMatchObject({ state: 'closed' })
  const wanted = await listen(createServer(), '127.0.0.1', port)
  expect(await connect()).toHaveProperty('socket')
  await Promise.all([wanted, ...others].map(({ close }) => close()))
})
