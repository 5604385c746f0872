import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from '../test/support/ports.ts'
import type { Bench } from './main.ts'
import { figure, median } from './measure.ts'
import { startService } from './service.ts'

const rounds = 3
const seconds = 6
const connections = 16

/** `/probe` of an open TCP port, alternating with blackbox_exporter, over persistent connections. */
export const measureProbeEndpoint: Bench = async (dataDir) => {
  const target = createServer((socket) => socket.on('error', () => {}).destroy()).listen(0, '127.0.0.1', 4096)
  await once(target, 'listening')
  const service = await startService(dataDir, {
    PORTWARDEN_REQUESTS_PER_MINUTE: '100000000',
    PORTWARDEN_SOCKETS_PER_HOST: '100',
  })
  const theirs = await startExporter(dataDir)
  try {
    const path = `/probe?module=tcp_connect&target=127.0.0.1:${(target.address() as AddressInfo).port}`
    const ours: number[] = []
    const others: number[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(await callService(service.url + path, service.key))
      others.push(await callService(theirs.url + path, 'none'))
    }
    const [our, their] = [median(ours), median(others)]
    return [
      figure('/probe of a TCP port', our, '/s'),
      figure('blackbox_exporter, the same', their, '/s'),
      figure('ours over blackbox_exporter', our / their, '×', '≥ 1.5'),
    ]
  } finally {
    theirs.stop()
    await service.stop()
    target.close()
  }
}

/** Responses per second without a limit; throws if one is not 200. */
async function callService(url: string, key: string): Promise<number> {
  const args = ['bench/load.ts', url, key, `${connections}`, '1000000', `${seconds}`]
  const load = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { perSecond, failed } = JSON.parse(await text(load.stdout)) as { perSecond: number; failed: number }
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed`)
  return perSecond
}

async function startExporter(dataDir: string) {
  const config = join(dataDir, 'blackbox.yml')
  await writeFile(config, JSON.stringify({ modules: { tcp_connect: { prober: 'tcp', timeout: '2s' } } }))
  const port = await freePort()
  const args = [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error']
  const exporter = spawn('prometheus-blackbox-exporter', args, { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 50; tries++) {
    if (
      await fetch(`${url}/-/healthy`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { url, stop: () => exporter.kill('SIGTERM') }
}
