import { run } from '../../support/processes.ts'
import type { Oracle } from '../row.ts'
import { yesOrNo } from './response.ts'

/** The ENCRYPTION of [MS-TDS] section 2.2.6.5 that FreeTDS meets; yes if it is one of these. */
export const freetdsEncryption = (...flags: readonly number[]): Oracle => ({
  name: 'FreeTDS tsql',
  needs: ['freetds'],
  ask: async ({ address, port }) => {
    const env = { ...process.env, TDSDUMP: 'stderr', TDSVER: '7.4' }
    const login = ['-H', address, '-p', String(port), '-U', 'unknown', '-P', 'none']
    const { stderr } = await run('timeout', ['30', 'tsql', ...login], { env, input: 'exit\n' })
    const flag = /detected crypt flag (\d+)/.exec(stderr)?.[1]
    return yesOrNo(flags.map(String).includes(flag ?? ''), `crypt flag ${flag ?? 'not seen'}`)
  },
})
