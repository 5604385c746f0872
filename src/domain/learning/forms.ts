import type { TObject } from 'typebox'
import type { ResolvedRule } from '../policy/policy.ts'
import { anyProtocols, type ProtocolName, protocolNames, transportsOf } from '../protocols/index.ts'

/** What a port is recognized as: a rule that holds for it. */
export interface Form {
  /** Stays the same: agents name it. Also the start of the id of a rule. */
  id: string
  probe: ProtocolName
  expect: ResolvedRule['expect']
  /** The subject of a title. */
  title: string
  /** Ports where it is tried first. */
  ports: readonly number[]
}

const form = (id: string, probe: ProtocolName, more: Omit<Form, 'id' | 'probe'>): Form => ({ id, probe, ...more })
const modernTls = { minVersion: 'TLSv1.2' } as const

/** The stricter one of a protocol first. */
const chosen: readonly Form[] = [
  form('https', 'https', {
    ...{ title: 'HTTPS with TLS 1.2 or newer', ports: [443, 8443, 9443] },
    expect: { tls: modernTls, http: { answers: true } },
  }),
  form('https-old', 'https', { title: 'HTTPS', ports: [443], expect: { http: { answers: true } } }),
  form('ssh', 'ssh', { title: 'SSH', ports: [22, 2222], expect: { ssh: { speaks: true } } }),
  form('ad', 'ldap', {
    title: 'Active Directory over LDAP',
    ports: [389, 3268],
    expect: { ldap: { activeDirectory: true } },
  }),
  form('ldap', 'ldap', { title: 'LDAP', ports: [389], expect: { ldap: { answers: true } } }),
  form('ldaps', 'ldap', {
    ...{ title: 'LDAP over TLS', ports: [636, 3269] },
    expect: { ldap: { answers: true, security: ['ldaps'] } },
  }),
  form('smtp', 'smtp', { title: 'SMTP', ports: [25, 587], expect: { smtp: { speaks: true } } }),
  form('tls', 'tls', { title: 'TLS 1.2 or newer', ports: [], expect: { tls: modernTls } }),
]

/** Every other protocol over TCP with a port of its own: that the port speaks it. */
const derived = protocolNames.flatMap((name): Form[] => {
  const { defaultPort, expects } = anyProtocols[name]
  const group: { schema: TObject } | undefined = expects[name]
  const flag = ['speaks', 'answers'].find((one) => group && one in group.schema.properties)
  const isChosen = chosen.some(({ probe }) => probe === name)
  const isStream = transportsOf(name)[0] === 'tcp'
  if (isChosen || !isStream || flag === undefined || defaultPort === undefined) return []
  return [form(name, name, { title: name.toUpperCase(), ports: [defaultPort], expect: { [name]: { [flag]: true } } })]
})

/** In the order in which they are tried. */
export const forms: readonly Form[] = [...chosen, ...derived]

/** An open port of which nothing more is known. */
export const plainForm: Form = form('tcp', 'tcp', { title: 'A TCP service', ports: [], expect: {} })

export const formIds: readonly string[] = [...forms, plainForm].map(({ id }) => id)

export const formOf = (id: string): Form | undefined => [...forms, plainForm].find((one) => one.id === id)

/** The forms that a port suggests. */
export const hintedFor = (port: number): readonly Form[] => forms.filter(({ ports }) => ports.includes(port))

/** The rule that a form stands for. */
export const ruleOf = ({ id, title, probe, expect }: Form, port: number): ResolvedRule => ({
  ...{ id, title, severity: 'medium', direction: 'inbound', from: ['any'], probe, port },
  expect: { state: ['open'], ...expect },
})
