import { run } from '../../support/processes.ts'
import type { Listener, Oracle } from '../row.ts'
import { firstIn, yesOrNo } from './response.ts'

type Channel = 'plain' | 'starttls' | 'ldaps'

async function ldapTool(tool: string, channel: Channel, { address, port, caPath }: Listener, args: readonly string[]) {
  const url = `${channel === 'ldaps' ? 'ldaps' : 'ldap'}://${address}:${port}`
  const env = { ...process.env, LDAPTLS_CACERT: caPath, LDAPTLS_REQCERT: 'demand' }
  const options = ['-x', '-H', url, '-o', 'nettimeout=20', ...(channel === 'starttls' ? ['-ZZ'] : [])]
  const { stdout, stderr } = await run('timeout', ['30', tool, ...options, ...args], { env })
  return { stdout, text: `${stdout}\n${stderr}` }
}

const rootDse = ['-LLL', '-s', 'base', '-b', '', '*', '+']
const resultOf = (text: string) => firstIn(text, /^(?:ldap_\w+:|Result:) .*/m) ?? 'success'
/** The client reports what is not a result of LDAP by negative numbers. */
const isResponse = (text: string) => !resultOf(text).includes('(-')
/** What is refused after the bind, such as the question itself, is another result. */
const isBound = (text: string) => /^(dn|u|Result|anonymous)\b/m.test(text)
const isRead = (stdout: string) => stdout.startsWith('dn:')
const isDomainController = (stdout: string) => stdout.includes('1.2.840.113556.1.4.800')

const search = (channel: Channel, judge: (seen: { text: string; stdout: string }) => boolean): Oracle => ({
  name: `ldapsearch ${channel}`,
  needs: ['ldap-utils'],
  ask: async (listener) => {
    const seen = await ldapTool('ldapsearch', channel, listener, rootDse)
    const text = isRead(seen.stdout)
      ? `rootDSE, ${isDomainController(seen.stdout) ? '' : 'not '}AD`
      : resultOf(seen.text)
    return yesOrNo(judge(seen), text)
  },
})

/** Any LDAP result is a response. */
export const ldapResponds = (channel: Channel) => search(channel, ({ text }) => isResponse(text))
export const ldapIsAd = (channel: Channel) => search(channel, ({ stdout }) => isDomainController(stdout))
/** The channel is there and verifies. */
export const ldapChannelWorks = (channel: Channel) => search(channel, ({ stdout }) => isRead(stdout))

/** A bind with the account of the listener; yes if it succeeds. */
export const ldapBinds = (channel: Channel): Oracle => ({
  name: `ldapwhoami ${channel}`,
  needs: ['ldap-utils'],
  ask: async (listener) => {
    const { user = '', password = '' } = listener.account ?? {}
    const { text } = await ldapTool('ldapwhoami', channel, listener, ['-D', user, '-w', password])
    return yesOrNo(isBound(text), isBound(text) ? 'bound' : (firstIn(text, /data [0-9a-f]{3}/) ?? resultOf(text)))
  },
})

/** A bind in clear with the right password; yes if the directory refuses it. */
export const ldapRefusesClearBind: Oracle = {
  name: 'ldapwhoami in clear',
  needs: ['ldap-utils'],
  ask: async (listener) => {
    const { user = '', password = '' } = listener.account ?? {}
    const { text } = await ldapTool('ldapwhoami', 'plain', listener, ['-D', user, '-w', password])
    return yesOrNo(!isBound(text) && isResponse(text), isBound(text) ? 'bound' : resultOf(text))
  },
}
