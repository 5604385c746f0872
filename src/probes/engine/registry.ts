import type { ProtocolName } from '../../domain/protocols/index.ts'
import { probeDns } from '../dns/probe.ts'
import { probeHttps } from '../https/probe.ts'
import { probeKerberos } from '../kerberos/probe.ts'
import { probeLdap } from '../ldap/probe.ts'
import { probeMssql } from '../mssql/probe.ts'
import { probeRdp } from '../rdp/probe.ts'
import { probeRedis } from '../redis/probe.ts'
import { probeSmb } from '../smb/probe.ts'
import { probeSmtp } from '../smtp/probe.ts'
import { probeSsh } from '../ssh/probe.ts'
import { probeTcp } from '../tcp/probe.ts'
import { probeTls } from '../tls/probe.ts'
import { probeUdp } from '../udp/probe.ts'
import type { Probe } from './probe.ts'

/** The probe of every protocol: the compiler finds a missing one. */
export type ProbeRegistry = { readonly [Name in ProtocolName]: Probe<Name> }

export const probes: ProbeRegistry = {
  tcp: probeTcp,
  tls: probeTls,
  https: probeHttps,
  ssh: probeSsh,
  ldap: probeLdap,
  smtp: probeSmtp,
  smb: probeSmb,
  kerberos: probeKerberos,
  rdp: probeRdp,
  dns: probeDns,
  mssql: probeMssql,
  redis: probeRedis,
  udp: probeUdp,
}
