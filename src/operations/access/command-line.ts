import type { Caller } from '../../store/access/keys.ts'
import { everything } from '../../store/query/target-scope.ts'

/** The command in whose process the service runs. Who may start it may read the database anyway. */
export const commandLine: Caller = { keyId: 'cli', scopes: ['admin'], targetScope: everything }
