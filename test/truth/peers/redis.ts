import { startRedis } from '../../support/peers/redis.ts'
import { type PeerStarter, perConfiguration } from './running.ts'

export const redisPeers = {
  'redis-server': perConfiguration(
    ['redis'],
    (name) => startRedis(name === 'password' ? { password: 'correct horse' } : {}),
    ({ host, port }) => ({ host, address: host, port }),
  ),
} satisfies Record<string, PeerStarter>
