import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { constants, type Layout, layouts } from '../../../../../src/probes/network/connector/system/layout.ts'
import { describeWithPeers } from '../../../../support/peers/available.ts'
import { mustRun } from '../../../../support/processes.ts'

const headers = [
  'sys/socket.h',
  'sys/uio.h',
  'sys/epoll.h',
  'sys/eventfd.h',
  'netinet/in.h',
  'errno.h',
  'stddef.h',
  'time.h',
  'linux/errqueue.h',
  'linux/tcp.h',
]

const offsets: { [Struct in keyof Layout]: Record<keyof Layout[Struct], string> } = {
  epollEvent: ofStruct('struct epoll_event', { events: 'events', data: 'data' }),
  msghdr: ofStruct('struct msghdr', {
    name: 'msg_name',
    namelen: 'msg_namelen',
    iov: 'msg_iov',
    iovlen: 'msg_iovlen',
    control: 'msg_control',
    controllen: 'msg_controllen',
  }),
  iovec: ofStruct('struct iovec', { base: 'iov_base', len: 'iov_len' }),
  cmsghdr: {
    len: 'offsetof(struct cmsghdr, cmsg_len)',
    level: 'offsetof(struct cmsghdr, cmsg_level)',
    type: 'offsetof(struct cmsghdr, cmsg_type)',
    payload: 'CMSG_LEN(0)',
  },
  extendedError: {
    origin: 'offsetof(struct sock_extended_err, ee_origin)',
    type: 'offsetof(struct sock_extended_err, ee_type)',
    code: 'offsetof(struct sock_extended_err, ee_code)',
    offender: 'sizeof(struct sock_extended_err)', // SO_EE_OFFENDER() is what follows it
  },
  tcpInfo: {
    rtt: 'offsetof(struct tcp_info, tcpi_rtt)',
    totalRetrans: 'offsetof(struct tcp_info, tcpi_total_retrans)',
  },
  sockaddrIn: ofStruct('struct sockaddr_in', { family: 'sin_family', port: 'sin_port', address: 'sin_addr' }),
  sockaddrIn6: ofStruct('struct sockaddr_in6', { family: 'sin6_family', port: 'sin6_port', address: 'sin6_addr' }),
}

function ofStruct<Field extends string>(struct: string, members: Record<Field, string>) {
  const fields = Object.entries<string>(members).map(([field, member]) => [field, `offsetof(${struct}, ${member})`])
  return { size: `sizeof(${struct})`, ...Object.fromEntries(fields) } as Record<Field | 'size', string>
}

const compilers = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' } as const

/** The values of C expressions, from the assembly that the compiler writes: it need not run here. */
async function valuesInC(compiler: string, expressions: readonly string[]): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'portwarden-layout-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const source = [
    '#define _GNU_SOURCE',
    ...headers.map((header) => `#include <${header}>`),
    ...expressions.map((expression, i) => `enum { e${i} = ${expression} };`),
    'void values(void) {',
    ...expressions.map((_, i) => `  __asm__ volatile ("#value ${i} %0" :: "i" (e${i}));`),
    '}',
  ].join('\n')
  await writeFile(join(dir, 'layout.c'), source)
  await mustRun(compiler, ['-S', '-O0', '-fno-pic', '-o', join(dir, 'layout.s'), join(dir, 'layout.c')])
  const assembly = await readFile(join(dir, 'layout.s'), 'utf8')
  const found = new Map(
    [...assembly.matchAll(/#value (\d+) [$#]?(-?\d+)/g)].map(([, i, value]) => [Number(i), Number(value)]),
  )
  return expressions.map((_, i) => found.get(i) ?? Number.NaN)
}

describeWithPeers(['c-compilers'], 'of the C headers are', () => {
  test.each(['x64', 'arm64'] as const)('the struct layouts of %s', async (arch) => {
    const table = Object.entries(offsets).flatMap(([struct, fields]) =>
      Object.entries(fields).map(([field, expression]) => ({ struct, field, expression })),
    )
    const expressions = table.map(({ expression }) => expression)
    const values = await valuesInC(compilers[arch], expressions)
    const layout: Record<string, Record<string, number>> = layouts[arch]
    const own = table.map(({ struct, field }) => [struct, field, layout[struct]?.[field]])
    expect(own).toEqual(table.map(({ struct, field }, i) => [struct, field, values[i]]))
    expect(Object.values(layout).flatMap(Object.values)).toHaveLength(table.length)
  })

  test.each(['x64', 'arm64'] as const)('the constants of %s', async (arch) => {
    const names = Object.keys(constants)
    const values = await valuesInC(compilers[arch], names)
    expect(Object.entries(constants)).toEqual(names.map((name, i) => [name, values[i]]))
  })
})
