/** Path of the service with its prefix, ending in `/`: the assets are at `<service>ui/assets/`. */
const service = new URL(import.meta.env.DEV ? '/' : '../../', import.meta.url).pathname

/** Path of the console with the prefix, without a slash at its end. */
export const consolePath = `${service}ui`

/** A path of the API, such as `/v1/audits`, below the prefix. */
export const servicePath = (path: string): string => service + path.slice(1)
