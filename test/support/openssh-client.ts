import type { Algorithms } from '../../src/probes/ssh/kex-init.ts'
import { run } from './processes.ts'

interface SeenByOpenSsh {
  /** The identification without `SSH-2.0-`. */
  software: string
  algorithms: Algorithms
  /** As `ssh -v` prints it. */
  hostKey: string | undefined
  hostCertificate: string | undefined
}

/** What OpenSSH's client sees of a server; it leaves before authentication, because it knows no host key. */
export async function seeWithOpenSsh(
  { host, port }: { host: string; port: number },
  more: readonly string[] = [],
): Promise<SeenByOpenSsh> {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    'LogLevel=DEBUG2',
    ...more,
  ].flatMap((option) => ['-o', option])
  const { stderr } = await run('ssh', ['-F', 'none', ...options, '-p', String(port), `no-user@${host}`, 'true'])
  const log = stderr.replaceAll('\r', '')
  const proposal = log.slice(log.indexOf('peer server KEXINIT proposal'))
  const list = (name: string) =>
    (new RegExp(`debug2: ${name}: (.*)`).exec(proposal)?.[1] ?? '').split(',').filter((one) => one !== '')
  return {
    software: /remote software version (.*)$/m.exec(log)?.[1] ?? '',
    algorithms: {
      kex: list('KEX algorithms'),
      hostKey: list('host key algorithms'),
      cipherClientToServer: list('ciphers ctos'),
      cipherServerToClient: list('ciphers stoc'),
      macClientToServer: list('MACs ctos'),
      macServerToClient: list('MACs stoc'),
      compressionClientToServer: list('compression ctos'),
      compressionServerToClient: list('compression stoc'),
    },
    hostKey: /Server host key: (.*)$/m.exec(log)?.[1],
    hostCertificate: /Server host certificate: (.*)$/m.exec(log)?.[1],
  }
}
