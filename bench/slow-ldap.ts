import { createServer } from 'node:net'
import { rootDseResponse } from '../test/support/ldap-bytes.ts'

// An LDAP server on every loopback address that delays each response and uses little processor. Prints its port.
const responseMs = Number(process.argv[2])
const response = rootDseResponse(1)
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.once('data', () => setTimeout(() => socket.write(response), responseMs))
  socket.on('data', () => {}) // the unbind request
})
server.listen({ host: '0.0.0.0', port: 0, backlog: 1024 }, () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : '')
})
