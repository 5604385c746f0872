import type { Oracle } from '../row.ts'
import { firstIn, output, yesOrNo } from './response.ts'

/** The response to EHLO, as curl shows it; yes if the peer speaks SMTP, or if it offers STARTTLS. */
export const curlSmtp = (demand: 'speaks' | 'offers STARTTLS'): Oracle => ({
  name: 'curl smtp',
  needs: ['curl'],
  ask: async ({ address, port }) => {
    const { text } = await output('curl', ['-sv', '--max-time', '20', `smtp://${address}:${port}`])
    const greeting = firstIn(text, /^< (220.*)/m)
    const extensions = [...text.matchAll(/^< 250[- ](\S+)/gm)].map(([, name = '']) => name)
    const speaks = greeting !== undefined && extensions.length > 0
    const yes = demand === 'speaks' ? speaks : extensions.includes('STARTTLS')
    return yesOrNo(
      yes,
      speaks
        ? `EHLO: ${extensions.join(' ')}`
        : (firstIn(text, /^(?:\* |curl: )(.*(?:ailed|weird|timed|Empty|reset).*)/im) ?? 'no SMTP'),
    )
  },
})
