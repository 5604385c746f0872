import type { ProbeName } from '../../domain/findings/observation.ts'
import { probeHttps } from '../https/probe.ts'
import { probeLdap } from '../ldap/probe.ts'
import { probeSsh } from '../ssh/probe.ts'
import { probeTcp } from '../tcp/probe.ts'
import { probeTls } from '../tls/probe.ts'
import type { Probe } from './probe.ts'

/** Every probe under its name: the compiler finds a missing one. */
export type ProbeRegistry = { readonly [P in ProbeName]: Probe<P> }

export const probes: ProbeRegistry = {
  tcp: probeTcp,
  tls: probeTls,
  https: probeHttps,
  ssh: probeSsh,
  ldap: probeLdap,
}
