import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import openapi from '../../openapi/openapi.json' with { type: 'json' }
import { describeCommand, flatten } from '../../src/cli/describe.ts'
import { createProgram } from '../../src/cli/program.ts'
import { environment, portwarden } from '../support/commands.ts'
import { createEmptyDatabase } from '../support/database.ts'
import { firstCells, read, root } from '../support/pages.ts'
import { freePort } from '../support/ports.ts'
import { run } from '../support/processes.ts'
import { runInProcess } from '../support/run-program.ts'

// biome-ignore lint/suspicious/noExplicitAny: manifests are untyped
type Manifest = any

const files = globSync('deploy/kubernetes/*.yaml', { cwd: root }).filter((file) => !file.endsWith('kustomization.yaml'))
const objects: Manifest[] = files.flatMap((file) => parseAllDocuments(read(file)).map((one) => one.toJS()))
const kustomization: Manifest = parse(read('deploy/kubernetes/kustomization.yaml'))
const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`
const named = (name: string): Manifest => objects.find((one) => nameOf(one) === name)

/** What has pods, with the one container of each. */
const workloads = objects
  .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
  .map((one) => ({ name: nameOf(one), pod: one.spec.template.spec, labels: one.spec.template.metadata.labels }))
  .map((one) => ({ ...one, container: one.pod.containers[0] }))

test('the kustomization has every file of the folder', () => {
  expect(kustomization.resources.toSorted()).toEqual(files.map((file) => basename(file)).toSorted())
})

/** A view of a value that notes the paths that are read, and all of an object whose keys are listed. */
function watch(value: Manifest, note: (path: string) => void, path = ''): Manifest {
  if (typeof value !== 'object' || value === null) return value
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === 'string') note(`${path}/${key}`)
      return watch(Reflect.get(target, key), note, `${path}/${String(key)}`)
    },
    ownKeys(target) {
      for (const key of Object.keys(target)) note(`${path}/${key}`)
      return Reflect.ownKeys(target)
    },
  })
}
const pathsOf = (value: Manifest, path = ''): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, member]) => [`${path}/${key}`, ...pathsOf(member, `${path}/${key}`)])

describe('by the schemas of Kubernetes', () => {
  /** The schemas allow unknown fields: such a one is a field that the validator of the schema never reads. */
  const validate = async (object: Manifest) => {
    const { [object.kind]: Model } = await import(
      /* @vite-ignore */ `kubernetes-models/${object.apiVersion}/${object.kind}`
    )
    const read = new Set<string>()
    const model = new Model(object)
    model.validate.call(watch(model, (path) => read.add(path)))
    const unknown = pathsOf(object).filter((path) => !read.has(path))
    if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}`)
  }

  test.each(objects.map((one) => [nameOf(one), one]))('%s is valid', async (_, object) => {
    await validate(object)
  })

  test.each<[string, (deployment: Manifest) => void, RegExp]>([
    [
      'of another type',
      ({ spec }) => {
        spec.replicas = 'two'
      },
      /replicas/,
    ],
    [
      'missing',
      ({ spec }) => {
        delete spec.selector
      },
      /selector/,
    ],
    [
      'misspelt',
      ({ spec }) => {
        spec.replicaz = 2
      },
      /unknown: \/spec\/replicaz$/,
    ],
    [
      'misspelt inside',
      ({ spec }) => {
        spec.template.spec.containers[0].imaage = 'x'
      },
      /containers\/0\/imaage$/,
    ],
  ])('a manifest with a field that is %s would not be', async (_, spoil, message) => {
    const broken = structuredClone(named('Deployment portwarden-api'))
    spoil(broken)
    await expect(validate(broken)).rejects.toThrow(message)
  })
})

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/, the policy "restricted" and those below it. */
describe.each(workloads.map((one) => [one.name, one] as const))(
  '%s keeps to pod security "restricted":',
  (_, { pod, container }) => {
    test('no privileges of the host, and only volumes without them', () => {
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers', 'ephemeralContainers'])
        expect(pod[field]).toBeUndefined()
      expect(pod.containers).toHaveLength(1)
      for (const { hostPort } of container.ports ?? []) expect(hostPort).toBeUndefined()
      const kinds = pod.volumes.flatMap(({ name: _name, ...kind }: Manifest) => Object.keys(kind))
      const allowed = [
        'configMap',
        'csi',
        'downwardAPI',
        'emptyDir',
        'ephemeral',
        'persistentVolumeClaim',
        'projected',
        'secret',
      ]
      for (const kind of kinds) expect(allowed).toContain(kind)
    })

    test('an ordinary user, no capability, no escalation, the seccomp profile of the runtime, a read-only root', () => {
      const { securityContext } = pod
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      expect(securityContext.runAsUser).toBeGreaterThan(0)
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(pod.automountServiceAccountToken).toBe(false)
    })

    test('bounded memory, and a request for what it needs', () => {
      const { requests, limits } = container.resources
      expect(Object.keys(requests)).toEqual(['cpu', 'memory'])
      expect(limits.memory).toMatch(/^\d+[MG]i$/)
    })
  },
)

test('the namespace enforces "restricted"', () => {
  const { labels } = named('Namespace portwarden').metadata
  expect(labels['pod-security.kubernetes.io/enforce']).toBe('restricted')
  expect(kustomization.namespace).toBe('portwarden')
})

describe('what the manifests name', () => {
  const literals: [string, string][] = kustomization.configMapGenerator.flatMap(({ literals }: Manifest) =>
    literals.map((text: string) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  )
  const settings = Object.fromEntries(literals)
  const variables = [
    ...Object.keys(settings),
    ...workloads.flatMap(({ container }) => (container.env ?? []).map(({ name }: Manifest) => name)),
  ]

  test('are variables that the program reads', () => {
    const known = firstCells({ path: 'docs/settings.md', text: read('docs/settings.md') }).map((cell) =>
      cell.replaceAll('`', ''),
    )
    for (const name of variables) expect(known).toContain(name)
  })

  test('are no secrets but references to them, and files that a volume has', () => {
    for (const [name, value] of literals) {
      if (!name.endsWith('_FILE')) expect(name).not.toMatch(/KEY|SECRET|URL|PASSWORD/)
      else expect(value).toMatch(/^\/run\/secrets\/portwarden\/[a-z-]+$/)
    }
    expect(objects.map(({ kind }) => kind)).not.toContain('Secret')
    for (const { container, pod } of workloads) {
      const mounted = container.volumeMounts.map(({ name }: Manifest) => name)
      expect(pod.volumes.map(({ name }: Manifest) => name)).toEqual(mounted)
      expect(container.volumeMounts[0]).toMatchObject({ mountPath: '/run/secrets/portwarden', readOnly: true })
      for (const { value } of container.env ?? []) expect(value).toBeTypeOf('string')
    }
    expect(settings.PORTWARDEN_DATA_DIR).toBe('/data')
  })

  test('are commands of the program', () => {
    const commands = flatten(describeCommand(createProgram()))
    for (const { container } of workloads) {
      const [command, flag, role] = container.args
      const found = commands.find(({ path }) => path.join(' ') === command)
      expect([command, found !== undefined]).toEqual([command, true])
      if (flag) expect(found?.options.find(({ long }) => long === flag)?.argChoices).toContain(role)
    }
  })

  test('are the port and the probe paths of the service', () => {
    const { container } = workloads.find(({ name }) => name === 'Deployment portwarden-api') ?? {
      container: {} as Manifest,
    }
    const [port] = container.ports
    expect(String(port.containerPort)).toBe(settings.PORT)
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      const { path, port: probed } = container[probe].httpGet
      expect(Object.keys(openapi.paths)).toContain(path)
      expect(probed).toBe(port.name)
    }
    expect(named('Service portwarden').spec.ports[0].targetPort).toBe(port.name)
    const [allowed] = named('NetworkPolicy api').spec.ingress
    expect(allowed.ports).toEqual([{ protocol: 'TCP', port: port.name }])
  })

  test('selects pods that there are', () => {
    const names = workloads.map(({ labels }) => labels['app.kubernetes.io/name'])
    const selectors = objects.flatMap(({ kind, spec }) => {
      if (kind === 'NetworkPolicy') return spec.podSelector.matchLabels ? [spec.podSelector.matchLabels] : []
      if (kind === 'Service') return [spec.selector]
      return kind === 'PodDisruptionBudget' || kind === 'Deployment' ? [spec.selector.matchLabels] : []
    })
    expect(selectors.length).toBeGreaterThan(5)
    for (const selector of selectors) expect(names).toContain(selector['app.kubernetes.io/name'])
  })

  test('ends pods later than the grace period of the service', () => {
    for (const { pod } of workloads)
      expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(Number(settings.PORTWARDEN_GRACE_MS))
  })

  test('denies traffic by default, and no deployment can lose all its pods to a drain', () => {
    expect(named('NetworkPolicy deny-all').spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    for (const name of ['portwarden-api', 'portwarden-worker']) {
      const { replicas } = named(`Deployment ${name}`).spec
      expect(replicas).toBeGreaterThan(named(`PodDisruptionBudget ${name}`).spec.minAvailable)
    }
  })
})

// One story: the worker needs what the job makes.
describe('on an empty database', { shuffle: false }, () => {
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>
  beforeAll(async () => {
    database = await createEmptyDatabase()
  })
  afterAll(() => database.drop())

  test('the job migrates, and does nothing the second time', async () => {
    const { container } = workloads.find(({ name }) => name === 'Job portwarden-migrate') ?? {
      container: {} as Manifest,
    }
    for (let i = 0; i < 2; i++) {
      const ran = await runInProcess(container.args, { env: environment(database.url) })
      expect(ran).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^the database has the tables of Portwarden \S+\n$/),
        stderr: '',
      })
    }
  })

  test('the probe of a worker succeeds while it runs, and fails afterwards', async () => {
    const { container } = workloads.find(({ name }) => name === 'Deployment portwarden-worker') ?? {
      container: {} as Manifest,
    }
    const metrics = container.env.find(({ name }: Manifest) => name === 'PORTWARDEN_METRICS_PORT').value
    const port = String(await freePort())
    const [, ...argv] = container.livenessProbe.exec.command.map((text: string) =>
      text.replace(`127.0.0.1:${metrics}/`, `127.0.0.1:${port}/`),
    )
    expect(argv.join(' ')).toContain(port)
    const probe = () => run(process.execPath, argv, { env: { PATH: process.env.PATH } })
    const worker = spawn(process.execPath, [portwarden('')[0], ...container.args], {
      env: { ...environment(database.url), PORTWARDEN_METRICS_PORT: port },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const exited = once(worker, 'exit')
    await once(worker.stdout, 'data')
    expect((await probe()).code).toBe(0)
    worker.kill()
    await exited
    expect((await probe()).code).toBe(1)
  })
})
