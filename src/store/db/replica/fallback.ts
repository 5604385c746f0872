import type { Database } from '../database.ts'
import { isUnavailable } from '../outages.ts'

/** The replica, and the primary for every statement that the replica cannot run, as when replay conflicts with it. */
export const withFallback = (replica: Database, primary: Database): Database => wrap(replica, primary)

function wrap<T extends object>(replica: T, primary: T): T {
  return new Proxy(replica, {
    get(_, name) {
      const [own, other] = [Reflect.get(replica, name), Reflect.get(primary, name)] as [unknown, unknown]
      if (typeof own === 'function' && typeof other === 'function') {
        return async (...args: unknown[]) => {
          try {
            return await Reflect.apply(own, replica, args)
          } catch (error) {
            if (!isUnavailable(error)) throw error
            return Reflect.apply(other, primary, args)
          }
        }
      }
      const isModel = typeof own === 'object' && own !== null && typeof other === 'object' && other !== null
      return isModel ? wrap(own, other) : own
    },
  })
}
