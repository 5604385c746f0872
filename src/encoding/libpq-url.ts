/** In a URL of libpq a user may have no host, which is a parameter or the driver's default; a URL of the WHATWG has one. */
const withoutHost = /^(postgres(?:ql)?:\/\/[^/?#@]*@)(?=[:/?]|$)/

/** The parsed URL of a database, as libpq writes it; undefined where it is none. */
export function readLibpqUrl(text: string): URL | undefined {
  const whole = text.replace(withoutHost, '$1localhost')
  return URL.canParse(whole) ? new URL(whole) : undefined
}
