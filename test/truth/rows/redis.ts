import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { redisPing } from '../oracles/redis.ts'
import type { Row } from '../row.ts'

const row = (text: string, site: string, reason?: ReasonCode): Row => ({
  case: `Redis: ${text}`,
  peer: 'redis-server',
  site,
  claim: { probe: 'redis', expect: { redis: { authentication: 'required' } } },
  oracle: redisPing,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

export const redisRows: readonly Row[] = [
  row('a password is required', 'password'),
  row('no password is required', 'open', 'redis-without-authentication'),
]
