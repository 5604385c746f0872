import type { ProbeName } from '../domain/observation.ts'
import { probeHttps } from './https.ts'
import { probeLdap } from './ldap.ts'
import type { Probe } from './probe.ts'
import { probeSsh } from './ssh.ts'
import { probeTcp } from './tcp.ts'
import { probeTls } from './tls.ts'

/** Every probe under its name: the compiler finds a missing one. */
export type ProbeRegistry = { readonly [P in ProbeName]: Probe<P> }

export const probes: ProbeRegistry = {
  tcp: probeTcp,
  tls: probeTls,
  https: probeHttps,
  ssh: probeSsh,
  ldap: probeLdap,
}
