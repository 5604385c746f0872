import { run } from '../../support/processes.ts'
import type { Oracle } from '../row.ts'
import { yesOrNo } from './response.ts'

/** Yes if redis-cli may not PING without a logon. */
export const redisPing: Oracle = {
  name: 'redis-cli',
  needs: ['redis'],
  ask: async ({ address, port }) => {
    const { stdout, stderr } = await run('timeout', ['30', 'redis-cli', '-h', address, '-p', String(port), 'PING'])
    const text = `${stdout}${stderr}`.trim()
    return yesOrNo(text.startsWith('NOAUTH') || text.includes('NOAUTH '), text)
  },
}
