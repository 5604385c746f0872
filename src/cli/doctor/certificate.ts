import { X509Certificate } from 'node:crypto'
import type { Listening } from '../../config/index.ts'
import { namesHost } from '../../probes/tls/certificate/certificate.ts'
import { type Check, fail, ok, warn } from './check.ts'

const name = 'certificate'
const day = 86_400_000
const soonDays = 21

/** Whether the certificate of the service is valid, for long enough, and for its public name. */
export function checkCertificate({ tls, publicUrl, behindProxy }: Listening, now: Date): Check {
  const leaf = new X509Certificate(String(tls?.cert))
  const [from, to] = [new Date(leaf.validFrom), new Date(leaf.validTo)]
  const days = Math.floor((to.getTime() - now.getTime()) / day)
  if (now < from) return fail(name, `${tls?.certFile} is valid only from ${from.toISOString()} on`)
  if (days < 0)
    return fail(name, `${tls?.certFile} expired on ${to.toISOString()}: renew it, and send SIGHUP to the service`)
  const host = publicUrl === undefined ? undefined : new URL(publicUrl).hostname
  if (host !== undefined && !behindProxy && !namesHost(leaf, host))
    return fail(name, `${tls?.certFile} does not name ${host}, the host of PORTWARDEN_PUBLIC_URL`)
  if (days < soonDays)
    return warn(name, `${tls?.certFile} expires in ${days} days: renew it, and send SIGHUP to the service`)
  return ok(name, `valid for ${days} days`)
}
