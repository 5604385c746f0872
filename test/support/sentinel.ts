import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { type DnsRecords, respondToQuery } from './name-server.ts'

// A program for a network of its own. It listens at every address and prints `connect ADDRESS` for each connection, with the
// address at which it arrived; and it is the name server of that network, which prints `asked NAME TYPE` for each question. The
// names come as JSON in its first argument: for each the answers that it has in turn.
const zone = JSON.parse(process.argv[2] ?? '{}') as Record<string, DnsRecords[]>
const asked: Record<string, number> = {}
const say = (line: string) => process.stdout.write(`${line}\n`)

const names = createSocket('udp4', (query, { port, address }) => {
  const answer = respondToQuery(query, (name, type) => {
    say(`asked ${name} ${type}`)
    const turns = zone[name]
    if (type === 'A') asked[name] = (asked[name] ?? 0) + 1
    return turns?.[Math.max((asked[name] ?? 0) - 1, 0) % turns.length]
  })
  if (answer) names.send(answer, port, address)
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
