import type { Evidence } from '../../../domain/findings/evidence.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { State } from '../../parts/results/verdict.tsx'
import { factEntries } from './seen.ts'

/** What was observed at each address, as readable facts; of a paired rule, also from the other side. */
export function Addresses({ evidence }: { evidence: Evidence }) {
  return (
    <>
      <Observed addresses={evidence.addresses} />
      {Object.entries(evidence.unlike ?? {}).map(([vantage, addresses]) => (
        <div key={vantage}>
          <h3>From {vantage}, the other side of the rule</h3>
          <Observed addresses={addresses} />
        </div>
      ))}
    </>
  )
}

function Observed({ addresses }: { addresses: Evidence['addresses'] }) {
  return (
    <ul class="addresses">
      {Object.entries(addresses).map(([address, { state, reason, rejectedBy, hostAnswered, waitedMs, facts }]) => (
        <li key={address} class="card">
          <p>
            <code>{address || 'no address'}</code> <State state={state} />
          </p>
          <KeyValues
            entries={[
              ['Reason', reason?.replaceAll('-', ' ')],
              ['Rejected by', rejectedBy && <code key="sender">{rejectedBy}</code>],
              [
                'Host responds on another port',
                hostAnswered === undefined ? null : hostAnswered ? 'yes' : 'no, or it is not known',
              ],
              ['Waited without a response', waitedMs === undefined ? null : `${waitedMs} ms`],
              ...factEntries(facts ?? {}),
            ]}
          />
        </li>
      ))}
    </ul>
  )
}
