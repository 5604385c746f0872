import { isIP } from 'node:net'
import type { Listener, Oracle } from '../row.ts'
import { output, yesOrNo } from './response.ts'

const written = '%{http_code} %{http_version} %{exitcode} %{errormsg}'

async function curl(scheme: 'http' | 'https', listener: Listener, args: readonly string[] = []) {
  const { host, address, port } = listener
  const resolve = isIP(host) ? [] : ['--resolve', `${host}:${port}:${address}`]
  const options = ['-sS', '--max-time', '20', '-o', '/dev/null', '-w', written, ...resolve, ...args]
  const { stdout } = await output('curl', [...options, `${scheme}://${host}:${port}/`])
  const [code = '000', version = '', exit = '', ...message] = stdout.split(' ')
  return { code, version, exit, message: message.join(' ').trim() }
}

/** HTTP over TLS, the certificate unverified; yes for any status. */
export const curlHttps: Oracle = {
  name: 'curl -k https',
  needs: ['curl'],
  ask: async (listener) => {
    const { code, version, message } = await curl('https', listener, [
      '-k',
      '--ciphers',
      'DEFAULT@SECLEVEL=0',
      '--tlsv1.0',
    ])
    return yesOrNo(code !== '000', code === '000' ? message : `HTTP/${version} ${code}`)
  },
}

/** Chain, name, dates and the stapled OCSP response; yes if all are good. */
export const curlStatus: Oracle = {
  name: 'curl --cert-status',
  needs: ['curl'],
  ask: async (listener) => {
    const { code, exit, message } = await curl('https', listener, ['--cert-status', '--cacert', listener.caPath ?? ''])
    return yesOrNo(exit === '0', exit === '0' ? `good, ${code}` : message)
  },
}

/** HTTP in clear; yes if nothing comes back. */
export const curlHttp: Oracle = {
  name: 'curl http',
  needs: ['curl'],
  ask: async (listener) => {
    const { code, version, exit, message } = await curl('http', listener)
    return yesOrNo(exit !== '0', code === '000' ? message : `HTTP/${version} ${code}`)
  },
}

/** What a TLS port says to HTTP in clear; yes if it refuses with an error, and serves HTTPS. */
export const curlRefused: Oracle = {
  name: 'curl http and https',
  needs: ['curl'],
  ask: async (listener) => {
    const [clear, inside] = [await curl('http', listener), await curl('https', listener, ['-k'])]
    const refuses = ['400', '403', '404', '426'].includes(clear.code) && inside.exit === '0'
    return yesOrNo(refuses, `http ${clear.code}, https ${inside.code}`)
  },
}
