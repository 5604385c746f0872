import { createServer } from 'node:net'

// Listens at `HOST:PORT…` until it is killed, and closes every connection. SIGUSR2 closes the listeners that begin with `-`.
const wanted = process.argv.slice(2)
const servers = wanted.map((text) => {
  const [, leaving, host, port] = /^(-?)(.+):(\d+)$/.exec(text) ?? []
  const server = createServer((socket) => {
    socket.on('error', () => {}) // a scanner may reset it
    socket.destroy()
  })
  return { leaving: leaving === '-', server: server.listen({ host, port: Number(port), backlog: 4096 }) }
})
await Promise.all(servers.map(({ server }) => new Promise((resolve) => server.once('listening', resolve))))
process.on('SIGUSR2', async () => {
  const leaving = servers.filter((one) => one.leaving)
  await Promise.all(leaving.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  console.log('left')
})
console.log('listening')
