import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { type DnsRecords, respondToQuery } from './name-server.ts'

// Runs in a private network. Listens at every address and prints `connect ADDRESS` for each connection, with its local address.
// Also its name server, which prints `query NAME TYPE` for each query. The first argument is JSON: the records of each name,
// in turn.
const zone = JSON.parse(process.argv[2] ?? '{}') as Record<string, DnsRecords[]>
const queries: Record<string, number> = {}
const say = (line: string) => process.stdout.write(`${line}\n`)

const names = createSocket('udp4', (query, { port, address }) => {
  const response = respondToQuery(query, (name, type) => {
    say(`query ${name} ${type}`)
    const turns = zone[name]
    if (type === 'A') queries[name] = (queries[name] ?? 0) + 1
    return turns?.[Math.max((queries[name] ?? 0) - 1, 0) % turns.length]
  })
  if (response) names.send(response, port, address)
})
const sentinel = createServer((socket) => {
  say(`connect ${String(socket.localAddress).replace(/^::ffff:(?=[\d.]+$)/, '')}`)
  socket.on('error', () => {}).end()
})
names.bind(53, '127.0.0.53', () =>
  sentinel.listen(0, '::', () => {
    const address = sentinel.address()
    say(`listens ${typeof address === 'object' ? address?.port : ''}`)
  }),
)
