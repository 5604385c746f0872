import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'
import { constants, ownLayout } from './layout.ts'

const c = constants

/** How the kernel reports an ICMP message: numbers of `sock_extended_err`, and the sender's address. */
export interface QueuedError {
  origin: number
  type: number
  code: number
  /** 4 or 16 bytes; empty if unknown. Valid until the next call. */
  sender: Uint8Array
}

export const eventBatch = 64

/** The system calls of a connector. Each returns a negative errno(3) when it fails, unless it says otherwise. */
export type Calls = ReturnType<typeof loadCalls>

/**
 * Binds the system calls. All memory that the kernel writes to is in one block, allocated once: the backing store of an
 * ArrayBuffer is outside of the heap, so the collector never moves it, and the closures keep it alive.
 * Throws where the platform is not known.
 */
export function loadCalls() {
  const layout = ownLayout()
  if (!layout) throw new Error(`no system calls are known for ${process.platform} on ${process.arch}`)
  const { epollEvent, msghdr, iovec, cmsghdr, extendedError, tcpInfo, sockaddrIn, sockaddrIn6 } = layout
  const libc = koffi.load(null) // the C library that the process has loaded
  const functions = {
    socket: libc.func('int socket(int, int, int)'),
    setsockopt: libc.func('int setsockopt(int, int, int, uintptr_t, uint32_t)'),
    getsockopt: libc.func('int getsockopt(int, int, int, uintptr_t, uintptr_t)'),
    getsockname: libc.func('int getsockname(int, uintptr_t, uintptr_t)'),
    connect: libc.func('int connect(int, uintptr_t, uint32_t)'),
    recvmsg: libc.func('intptr_t recvmsg(int, uintptr_t, int)'),
    close: libc.func('int close(int)'),
    eventfd: libc.func('int eventfd(unsigned int, int)'),
    read: libc.func('intptr_t read(int, uintptr_t, size_t)'),
    epollCreate: libc.func('int epoll_create1(int)'),
    epollCtl: libc.func('int epoll_ctl(int, int, int, uintptr_t)'),
    epollWait: libc.func('int epoll_wait(int, uintptr_t, int, int)'),
  }

  // The parts of the block.
  const at = {
    value: 0,
    length: 8,
    counter: 16,
    event: 24,
    name: 64,
    message: 96,
    iovec: 160,
    control: 256,
    data: 768,
    events: 1024,
  }
  const controlSize = at.data - at.control
  const block = new ArrayBuffer(at.events + eventBatch * epollEvent.size)
  const bytes = new Uint8Array(block)
  const view = new DataView(block)
  const base = Number(koffi.address(bytes))
  const checked = (result: number): number => (result < 0 ? -koffi.errno() : result)

  const setPointer = (offset: number, target: number) => view.setBigUint64(offset, BigInt(base + target), true)
  setPointer(at.message + msghdr.name, at.name)
  setPointer(at.message + msghdr.iov, at.iovec)
  view.setBigUint64(at.message + msghdr.iovlen, 1n, true)
  setPointer(at.message + msghdr.control, at.control)
  setPointer(at.iovec + iovec.base, at.data)
  view.setBigUint64(at.iovec + iovec.len, BigInt(at.events - at.data), true)

  const setOption = (fd: number, level: number, name: number, value: number): number => {
    view.setInt32(at.value, value, true)
    return checked(functions.setsockopt(fd, level, name, base + at.value, 4))
  }

  const queueErrors = (fd: number, family: number, on: boolean): number =>
    family === c.AF_INET
      ? setOption(fd, c.IPPROTO_IP, c.IP_RECVERR, Number(on))
      : setOption(fd, c.IPPROTO_IPV6, c.IPV6_RECVERR, Number(on))

  return {
    address: (memory: Uint8Array): number => Number(koffi.address(memory)),
    openStream: (family: number): number =>
      checked(functions.socket(family, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0)),
    /** A socket for datagrams, whose errors are queued. */
    openDatagram(family: number): number {
      const fd = checked(functions.socket(family, c.SOCK_DGRAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0))
      if (fd >= 0) queueErrors(fd, family, true)
      return fd
    },
    errorName: (errno: number): string => getSystemErrorName(-errno),
    /** Queues ICMP errors (ip(7), ipv6(7)); switching it off also empties the queue. */
    queueErrors,
    limitHops: (fd: number, family: number, hops: number): number =>
      family === c.AF_INET
        ? setOption(fd, c.IPPROTO_IP, c.IP_TTL, hops)
        : setOption(fd, c.IPPROTO_IPV6, c.IPV6_UNICAST_HOPS, hops),
    /** Connects to the `sockaddr` at this address of memory. */
    connect: (fd: number, sockaddr: number, family: number): number =>
      checked(functions.connect(fd, sockaddr, family === c.AF_INET ? sockaddrIn.size : sockaddrIn6.size)),
    /** The pending error as a negative errno; zero if the connection is established. */
    takeError(fd: number): number {
      view.setUint32(at.length, 4, true)
      const result = functions.getsockopt(fd, c.SOL_SOCKET, c.SO_ERROR, base + at.value, base + at.length)
      return result < 0 ? -koffi.errno() : -view.getInt32(at.value, true)
    },
    /** Milliseconds of the handshake, as the kernel measured them (TCP_INFO); undefined if a packet was sent again. */
    handshakeMs(fd: number): number | undefined {
      const size = tcpInfo.totalRetrans + 4
      view.setUint32(at.length, size, true)
      if (functions.getsockopt(fd, c.IPPROTO_TCP, c.TCP_INFO, base + at.data, base + at.length) < 0) return undefined
      if (view.getUint32(at.length, true) < size || view.getUint32(at.data + tcpInfo.totalRetrans, true) > 0)
        return undefined
      return view.getUint32(at.data + tcpInfo.rtt, true) / 1000
    },
    /** Whether the local end of the connection is this `sockaddr`, without its flow and scope. */
    isLocalEnd(fd: number, sockaddr: Uint8Array): boolean {
      view.setUint32(at.length, sockaddrIn6.size, true)
      if (functions.getsockname(fd, base + at.name, base + at.length) < 0) return false
      if (view.getUint16(at.name + sockaddrIn.port, true) !== uint16(sockaddr, sockaddrIn.port)) return false
      const family = view.getUint16(at.name + sockaddrIn.family, true)
      const [offset, size] = family === c.AF_INET ? [sockaddrIn.address, 4] : [sockaddrIn6.address, 16]
      for (let i = offset; i < offset + size; i += 1) if (bytes[at.name + i] !== sockaddr[i]) return false
      return true
    },
    /** Takes one message from the error queue; undefined if it is empty. */
    takeQueuedError(fd: number): QueuedError | undefined {
      // The kernel changes these two; the others stay as they are.
      view.setUint32(at.message + msghdr.namelen, sockaddrIn6.size, true)
      view.setUint32(at.message + msghdr.controllen, controlSize, true)
      if (functions.recvmsg(fd, base + at.message, c.MSG_ERRQUEUE) < 0) return undefined
      const received = view.getUint32(at.message + msghdr.controllen, true)
      const error = at.control + cmsghdr.payload
      if (received < cmsghdr.payload + extendedError.offender + sockaddrIn.size) return undefined
      const level = view.getInt32(at.control + cmsghdr.level, true)
      const type = view.getInt32(at.control + cmsghdr.type, true)
      const isError =
        (level === c.IPPROTO_IP && type === c.IP_RECVERR) || (level === c.IPPROTO_IPV6 && type === c.IPV6_RECVERR)
      if (!isError) return undefined
      const offender = error + extendedError.offender
      const family = view.getUint16(offender + sockaddrIn.family, true)
      const [from, size] =
        family === c.AF_INET ? [sockaddrIn.address, 4] : family === c.AF_INET6 ? [sockaddrIn6.address, 16] : [0, 0]
      return {
        origin: view.getUint8(error + extendedError.origin),
        type: view.getUint8(error + extendedError.type),
        code: view.getUint8(error + extendedError.code),
        sender: bytes.subarray(offender + from, offender + from + size),
      }
    },
    close: (fd: number): number => checked(functions.close(fd)),
    /** A counter at one, so that a read or wait finds it ready. */
    openCounter: (): number => checked(functions.eventfd(1, c.EFD_NONBLOCK | c.EFD_CLOEXEC)),
    resetCounter: (fd: number): number => checked(functions.read(fd, base + at.counter, 8)),
    openPoll: (): number => checked(functions.epollCreate(c.EPOLL_CLOEXEC)),
    /** Watches for `events`, reported with `data`, a non-negative number of 32 bits. */
    watch(poll: number, fd: number, events: number, data: number): number {
      view.setUint32(at.event + epollEvent.events, events, true)
      view.setInt32(at.event + epollEvent.data, data, true)
      view.setInt32(at.event + epollEvent.data + 4, 0, true)
      return checked(functions.epollCtl(poll, c.EPOLL_CTL_ADD, fd, base + at.event))
    },
    unwatch: (poll: number, fd: number): number =>
      checked(functions.epollCtl(poll, c.EPOLL_CTL_DEL, fd, base + at.event)),
    /** Waits up to `ms` milliseconds and returns how many events came, up to `eventBatch`. */
    wait: (poll: number, ms: number): number => checked(functions.epollWait(poll, base + at.events, eventBatch, ms)),
    /** The data of an event of the last `wait`. */
    eventData: (index: number): number => view.getInt32(at.events + index * epollEvent.size + epollEvent.data, true),
  }
}

const uint16 = (bytes: Uint8Array, offset: number): number => (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8)
