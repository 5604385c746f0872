import { boundFacts, maxFactsSize } from '../../domain/findings/bounds.ts'
import type { AddressResult, Observation } from '../../domain/findings/observation.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Observe } from '../../probes/engine/run-check.ts'

type TlsCheck = Check<'tls'> | Check<'https'>
type Versions = OptionsByProtocol['tls']['offerVersions']
type TlsObservation = Observation<'tls' | 'https'>

/**
 * Observes the `tls` and `https` checks of a batch with one connection for each endpoint and set of trusted authorities. Each
 * sees what it would see alone: an `https` probe reports its handshake too.
 */
export function shareHandshakes(observe: Observe, checks: readonly Check[]): (check: Check) => Promise<Observation> {
  const groups = Map.groupBy(checks.filter(isShareable), endpointKey)
  const observations = new Map<string, Promise<TlsObservation>>()

  const observeGroup = (key: string, check: TlsCheck): Promise<TlsObservation> => {
    const known = observations.get(key)
    if (known) return known
    const started = observe(covering(groups.get(key) ?? [check]))
    observations.set(key, started)
    return started
  }

  return async (check) => {
    if (!isShareable(check)) return observe(check)
    const seen = await observeGroup(endpointKey(check), check)
    const view = viewFor(check, seen)
    return check.probe === 'tls' && seen.probe === 'https' && lacksVersions(view) ? observe(check) : view
  }
}

/** Whether the check is about TLS from the first byte. */
const isShareable = (check: Check): check is TlsCheck =>
  check.probe === 'tls' || (check.probe === 'https' && !(check as Check<'https'>).options.plainHttp)

const endpointKey = ({ host, port, families, options: { trustedCa } }: TlsCheck): string =>
  JSON.stringify([host, port, families, trustedCa])

/** One check that shows what all of these ask for. */
function covering(group: readonly TlsCheck[]): TlsCheck {
  const widest = group.find(({ probe }) => probe === 'https') ?? group[0]
  if (!widest) throw new RangeError('a group of checks is not empty')
  const offerVersions = [...new Set(group.flatMap(({ options }) => options.offerVersions ?? []))]
  return { ...widest, options: { ...widest.options, offerVersions } }
}

function viewFor(check: TlsCheck, seen: TlsObservation): Observation {
  const addressResults = seen.addressResults.map(({ tls, ...result }: AddressResult<'tls' | 'https'>) =>
    withVersions(check.probe === 'tls' && tls ? tlsView(result, tls) : result, check.options.offerVersions),
  )
  const view = { ...seen, probe: check.probe, addressResults } as Observation
  return boundFacts([view], maxFactsSize)[0] ?? view
}

/** A wait for the HTTP response is none of the `tls` check. */
function tlsView({ waitedMs, ...result }: AddressResult<'tls'>, tls: NonNullable<AddressResult['tls']>) {
  const seen: AddressResult<'tls'> = { ...result, ...tls }
  return waitedMs !== undefined && tls.reason === 'protocol-timeout' ? { ...seen, waitedMs } : seen
}

/** Whether versions were not tested, as happens if a slow response to the HTTP request has left no time; SSLv3 never is. */
const lacksVersions = (seen: Observation): boolean =>
  (seen as TlsObservation).addressResults.some(
    ({ facts: { protocol, versions = {} } }) =>
      protocol !== undefined &&
      Object.entries(versions).some(([version, offer]) => version !== 'SSLv3' && offer === 'not-tested'),
  )

/** Leaves the versions that the check offers. */
function withVersions(result: AddressResult<'tls'>, offered: Versions = []): AddressResult<'tls'> {
  const { versions, ...facts } = result.facts
  if (!versions || offered.length === 0) return { ...result, facts }
  const wanted = Object.entries(versions).filter(([version]) => offered.some((one) => one === version))
  return { ...result, facts: { ...facts, versions: Object.fromEntries(wanted) } }
}
