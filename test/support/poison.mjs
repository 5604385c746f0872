// Loaded before a program (`node --import`): the process dies as kill -9 would end it when it dials a marked address.
import { Socket } from 'node:net'

const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  if (options?.host === process.env.TEST_POISONED_ADDRESS) process.kill(process.pid, 'SIGKILL')
  return connect.apply(this, args)
}
