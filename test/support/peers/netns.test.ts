import { expect, test } from 'vitest'
import { describeWithPeers } from './available.ts'
import { firewalledPorts, type Network, routedAddresses, startNetwork } from './netns.ts'

/** Connects to all endpoints concurrently from the client's side; returns how each ended. */
async function connectAll(network: Network, endpoints: string[]): Promise<Record<string, string>> {
  const script = `
    const endpoints = ${JSON.stringify(endpoints)}
    const connect = (endpoint) => new Promise((resolve) => {
      const [host, port] = endpoint.split(':')
      const socket = require('node:net').connect({ host, port })
      const silence = setTimeout(() => socket.destroy() && resolve('silence'), 1_000)
      const end = (how) => { clearTimeout(silence); socket.destroy(); resolve(how) }
      socket.once('connect', () => end('connect')).once('error', (error) => end(error.code))
    })
    Promise.all(endpoints.map(async (endpoint) => [endpoint, await connect(endpoint)])).then((all) => console.log(JSON.stringify(all)))`
  const { stdout, stderr } = await network.exec('client', [process.execPath, '-e', script])
  expect(stderr).toBe('')
  return Object.fromEntries(JSON.parse(stdout))
}

describeWithPeers(['netns'], 'two network namespaces', () => {
  test('refuse a connection in each way of a real network', async () => {
    await using network = await startNetwork()
    const server = network.spawn('target', [
      process.execPath,
      '-e',
      `require('node:net').createServer().listen(1010, () => console.log('up'))`,
    ])
    await new Promise((resolve) => server.stdout?.once('data', resolve))
    const ports = [...Object.keys(firewalledPorts), '1010', '1011']
    const routed = Object.values(routedAddresses)
    const endpoints = [
      ...ports.map((port) => `${network.targetAddress}:${port}`),
      ...routed.map((address) => `${address}:80`),
    ]
    const seen = await connectAll(network, endpoints)
    expect(Object.values(seen)).toEqual([
      'silence',
      'ECONNREFUSED',
      'ECONNREFUSED',
      'EHOSTUNREACH',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EHOSTUNREACH',
      'ENOPROTOOPT',
      'ENETUNREACH',
      'connect',
      'ECONNREFUSED',
      'EHOSTUNREACH',
      'EHOSTUNREACH',
      'silence',
    ])
  })

  test('take more rules, and are gone after stop()', async () => {
    const network = await startNetwork()
    await network.nft('insert rule inet peer input tcp dport 2000 drop')
    expect(await connectAll(network, [`${network.targetAddress}:2000`])).toEqual({ '192.0.2.2:2000': 'silence' })
    await network.stop()
    expect((await network.exec('client', ['true'])).code).not.toBe(0)
  })
})

describeWithPeers(['netns', 'nmap'], 'nmap inside a namespace', () => {
  test('names the states of the firewalled ports', async () => {
    await using network = await startNetwork()
    const options = ['-sT', '-Pn', '-n', '--max-retries', '1', '-p', '1001-1004,1011', '-oG', '-']
    const { stdout } = await network.exec('client', ['nmap', ...options, network.targetAddress])
    const states = [...stdout.matchAll(/(\d+)\/(\w+)\/tcp/g)].map(([, port, state]) => `${port} ${state}`)
    expect(states).toEqual(['1001 filtered', '1002 closed', '1003 closed', '1004 filtered', '1011 closed'])
  })
})
