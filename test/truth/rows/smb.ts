import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { nmapRefusesDialects, nmapRequiresSigning } from '../oracles/smb.ts'
import type { Oracle, Row } from '../row.ts'

const row = (text: string, site: string, smb: Record<string, unknown>, oracle: Oracle, reason?: ReasonCode): Row => ({
  case: `SMB: ${text}`,
  peer: 'smbd',
  site,
  claim: { probe: 'smb', expect: { smb } },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const smb1 = nmapRefusesDialects('NT LM')
const refuses = { refuses: ['SMB1'] }
const accepted: ReasonCode = 'smb-old-dialect-accepted'
const signing = { signing: 'required' }
const unsigned: ReasonCode = 'smb-signing-not-required'
const oldest = nmapRefusesDialects('NT LM', '202', '210')

export const smbRows: readonly Row[] = [
  row('SMB1 is refused', 'default', refuses, smb1),
  row('SMB1 is refused by a server of SMB 2.1', 'smb2.1', refuses, smb1),
  row('SMB1 is accepted', 'smb1-too', refuses, smb1, accepted),
  row('SMB1 alone is accepted', 'smb1-only', refuses, smb1, accepted),
  row('SMB 2 is refused', 'signed', { minDialect: 'SMB3.0', refuses: ['SMB1', 'SMB2.0.2', 'SMB2.1'] }, oldest),
  row('SMB 2 is accepted', 'default', { refuses: ['SMB2.1'] }, nmapRefusesDialects('210'), accepted),
  row('SMB 3 is spoken', 'default', { minDialect: 'SMB3.0' }, smb1),
  row('signatures are required', 'signed', signing, nmapRequiresSigning),
  row('signatures are not required', 'default', signing, nmapRequiresSigning, unsigned),
  row('signatures are not required in SMB 2.1', 'smb2.1', signing, nmapRequiresSigning, unsigned),
]
