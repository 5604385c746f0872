import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { freetdsEncryption } from '../oracles/mssql.ts'
import type { Oracle, Row } from '../row.ts'

const row = (text: string, site: string, expect: object, oracle: Oracle, reason?: ReasonCode): Row => ({
  case: `TDS: ${text}`,
  peer: 'SQL Server, simulated',
  site,
  claim: { probe: 'mssql', expect: { ...expect } },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const required = { mssql: { encryption: 'required' } }
const isRequired = freetdsEncryption(1, 3)
const tls = { tls: { minVersion: 'TLSv1.2' } }
const hasTls = freetdsEncryption(0, 1, 3)
const weak: ReasonCode = 'mssql-encryption-too-weak'

export const mssqlRows: readonly Row[] = [
  row('encryption is required', 'required', required, isRequired),
  row('encryption is optional', 'optional', required, isRequired, weak),
  row('encryption is not supported', 'not-supported', required, isRequired, weak),
  row('TLS is spoken where it is optional', 'optional', tls, hasTls),
  row('TLS is not spoken', 'not-supported', tls, hasTls, 'mssql-without-tls'),
]
