/** Offsets and sizes of C structs in bytes, on Linux. test/…/layout.test.ts compares them with offsetof() of the C headers. */
export interface Layout {
  epollEvent: { size: number; events: number; data: number }
  msghdr: {
    size: number
    name: number
    namelen: number
    iov: number
    iovlen: number
    control: number
    controllen: number
  }
  iovec: { size: number; base: number; len: number }
  /** `payload`: where CMSG_DATA begins. */
  cmsghdr: { len: number; level: number; type: number; payload: number }
  /** `offender`: where SO_EE_OFFENDER() finds the sender. */
  extendedError: { origin: number; type: number; code: number; offender: number }
  tcpInfo: { rtt: number; totalRetrans: number }
  sockaddrIn: { size: number; family: number; port: number; address: number }
  sockaddrIn6: { size: number; family: number; port: number; address: number }
}

// All pointers and size_t have 8 bytes, so both architectures differ in epoll_event only.
const common = {
  msghdr: { size: 56, name: 0, namelen: 8, iov: 16, iovlen: 24, control: 32, controllen: 40 },
  iovec: { size: 16, base: 0, len: 8 },
  cmsghdr: { len: 0, level: 8, type: 12, payload: 16 },
  extendedError: { origin: 4, type: 5, code: 6, offender: 16 },
  tcpInfo: { rtt: 68, totalRetrans: 100 },
  sockaddrIn: { size: 16, family: 0, port: 2, address: 4 },
  sockaddrIn6: { size: 28, family: 0, port: 2, address: 8 },
} as const

export const layouts = {
  x64: { ...common, epollEvent: { size: 12, events: 0, data: 4 } }, // packed, for compatibility with 32 bits
  arm64: { ...common, epollEvent: { size: 16, events: 0, data: 8 } },
} satisfies Record<string, Layout>

/** The layout of this process; undefined where none is known. */
export const ownLayout = (): Layout | undefined =>
  process.platform === 'linux' && process.arch in layouts ? layouts[process.arch as keyof typeof layouts] : undefined

/** Constants of the C headers, the same on x64 and arm64. */
export const constants = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_ERROR: 4,
  IPPROTO_IP: 0,
  IPPROTO_TCP: 6,
  TCP_INFO: 11,
  IPPROTO_IPV6: 41,
  IP_TTL: 2,
  IP_RECVERR: 11,
  IPV6_UNICAST_HOPS: 16,
  IPV6_RECVERR: 25,
  MSG_ERRQUEUE: 0x2000,
  SO_EE_ORIGIN_LOCAL: 1,
  SO_EE_ORIGIN_ICMP: 2,
  SO_EE_ORIGIN_ICMP6: 3,
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EFD_NONBLOCK: 0o4000,
  EFD_CLOEXEC: 0o2000000,
  EINTR: 4,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
} as const
