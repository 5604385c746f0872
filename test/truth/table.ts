import type { Row } from './row.ts'
import { certificateRows } from './rows/certificates.ts'
import { dnsRows } from './rows/dns.ts'
import { httpRows } from './rows/http.ts'
import { kerberosRows } from './rows/kerberos.ts'
import { ldapRows } from './rows/ldap.ts'
import { mssqlRows } from './rows/mssql.ts'
import { networkRows } from './rows/network.ts'
import { rdpRows } from './rows/rdp.ts'
import { redisRows } from './rows/redis.ts'
import { smbRows } from './rows/smb.ts'
import { smtpRows } from './rows/smtp.ts'
import { sshRows } from './rows/ssh.ts'
import { versionRows } from './rows/versions.ts'

/** What is true of the peers: the claim of each row, as an independent program judges it, is what Portwarden must say. */
export const rows: readonly Row[] = [
  ...certificateRows,
  ...versionRows,
  ...httpRows,
  ...sshRows,
  ...ldapRows,
  ...kerberosRows,
  ...dnsRows,
  ...smtpRows,
  ...smbRows,
  ...rdpRows,
  ...mssqlRows,
  ...redisRows,
  ...networkRows,
]
