/** Unlike a URL of the WHATWG, one of libpq may have a user and no host. */
const withoutHost = /^(postgres(?:ql)?:\/\/[^/?#@]*@)(?=[:/?]|$)/
/** And it may have several, each with a port of its own. */
const severalHosts = /^(postgres(?:ql)?:\/\/(?:[^/?#@]*@)?)([^/?#@]*,[^/?#@]*)([^?#]*)(\?[^#]*)?(.*)$/

/**
 * The parsed URL of a database (libpq, "Connection URIs"); undefined where it is none. Several hosts become lists in the parameters
 * `host` and `port`.
 */
export function readLibpqUrl(text: string): URL | undefined {
  const whole = listed(text).replace(withoutHost, '$1localhost')
  return URL.canParse(whole) ? new URL(whole) : undefined
}

function listed(text: string): string {
  const [, start, hosts, path = '', search = '?', rest = ''] = severalHosts.exec(text) ?? []
  if (start === undefined || hosts === undefined) return text
  const each = hosts.split(',').map((host) => /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(host) ?? [])
  const names = each.map(([, name = '']) => name.replace(/^\[(.+)\]$/, '$1')).join(',')
  const ports = each.map(([, , port = '']) => port).join(',')
  const joined = search === '?' ? '?' : `${search}&`
  return `${start}localhost${path}${joined}host=${names}${/[^,]/.test(ports) ? `&port=${ports}` : ''}${rest}`
}
