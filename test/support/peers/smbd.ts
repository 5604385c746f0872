import { mkdir, writeFile } from 'node:fs/promises'
import { ownLoopbackAddress } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

interface SmbdOptions {
  /** Of smb.conf; Samba's default is SMB2_02. */
  minProtocol?: string
  maxProtocol?: string
  signing?: 'mandatory' | 'auto' | 'disabled'
  encrypt?: 'required' | 'desired' | 'off'
}

export interface Smbd extends Peer {
  /** A loopback address of its own, because scripts of nmap know port 445 only. */
  host: string
  port: 445
  log: () => string
}

/** A real file server of Samba without shares; its log has each logon that was tried. */
export async function startSmbd(options: SmbdOptions = {}): Promise<Smbd> {
  const host = ownLoopbackAddress()
  const directory = await makeTempDir('smbd')
  try {
    const config = `${directory.path}/smb.conf`
    for (const folder of folders) await mkdir(`${directory.path}/${folder}`)
    await writeFile(config, configuration(directory.path, host, options))
    const args = ['-F', '--no-process-group', '--debug-stdout', '-s', config]
    const smbd = await spawnPeer('smbd', args, { ports: { host, ports: [445] } })
    return asPeer({ host, port: 445, log: smbd.log } as const, smbd.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

const folders = ['private', 'state', 'cache', 'lock', 'run', 'ncalrpc']

function configuration(directory: string, host: string, options: SmbdOptions): string {
  const { minProtocol, maxProtocol, signing, encrypt } = options
  return [
    '[global]',
    'workgroup = LABGROUP',
    'netbios name = FILES1',
    'server role = standalone server',
    'disable netbios = yes',
    'rpc start on demand helpers = no', // they would outlive smbd
    'smb ports = 445',
    `interfaces = ${host}/8`,
    'bind interfaces only = yes',
    ...[`private dir = ${directory}/private`, `state directory = ${directory}/state`],
    ...[`cache directory = ${directory}/cache`, `lock directory = ${directory}/lock`],
    ...[`pid directory = ${directory}/run`, `ncalrpc dir = ${directory}/ncalrpc`],
    'log level = 1 auth_audit:3',
    ...(minProtocol ? [`server min protocol = ${minProtocol}`] : []),
    ...(maxProtocol ? [`server max protocol = ${maxProtocol}`] : []),
    ...(signing ? [`server signing = ${signing}`] : []),
    ...(encrypt ? [`server smb encrypt = ${encrypt}`] : []),
    '',
  ].join('\n')
}
