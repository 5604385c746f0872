import type { Oracle } from '../row.ts'
import { output, yesOrNo } from './response.ts'

/** Judges the indented lines that a script of nmap prints. */
const nmap = (script: string, yes: (lines: readonly string[]) => boolean): Oracle => ({
  name: `nmap ${script}`,
  needs: ['nmap'],
  ask: async ({ address, port }) => {
    const { text } = await output('nmap', ['-Pn', '-n', '-p', String(port), '--script', script, address])
    const lines = [...text.matchAll(/^\|_? {2,}(.+)$/gm)].map(([, line = '']) => line.trim())
    return yesOrNo(yes(lines), lines.join(', ') || 'nothing')
  },
})

/** Yes if the server accepts none of these dialects, as nmap names them, and accepts another one. */
export const nmapRefusesDialects = (...names: readonly string[]): Oracle =>
  nmap(
    'smb-protocols',
    (lines) => lines.includes('dialects:') && !names.some((name) => lines.some((line) => line.startsWith(name))),
  )

/** Yes if the server requires signed messages in its newest dialect. */
export const nmapRequiresSigning: Oracle = nmap('smb2-security-mode', (lines) =>
  lines.includes('Message signing enabled and required'),
)
