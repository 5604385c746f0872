import type { Row } from './row.ts'
import { certificateRows } from './rows/certificates.ts'
import { httpRows } from './rows/http.ts'
import { versionRows } from './rows/versions.ts'

/** What is true of the peers: the claim of each row, as an independent program judges it, is what Portwarden must say. */
export const rows: readonly Row[] = [...certificateRows, ...versionRows, ...httpRows]
