/** Unlike a URL of the WHATWG, one of libpq may have a user and no host. */
const withoutHost = /^(postgres(?:ql)?:\/\/[^/?#@]*@)(?=[:/?]|$)/

/** The parsed URL of a database, as libpq writes it; undefined where it is none. */
export function readLibpqUrl(text: string): URL | undefined {
  const whole = text.replace(withoutHost, '$1localhost')
  return URL.canParse(whole) ? new URL(whole) : undefined
}
