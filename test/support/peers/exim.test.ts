import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { describeWithPeers } from './available.ts'
import { startExim } from './exim.ts'

/** All that the server sends to a client with these commands, until it ends the connection. */
async function talk({ host, port }: { host: string; port: number }, ...commands: string[]): Promise<string> {
  const socket = connect(port, host)
  let received = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
    // Exim wants each reply awaited; the last line of a reply has a space after its code.
    if (/^\d{3} [^\n]*\n$/m.test(text.slice(text.lastIndexOf('\n', text.length - 2) + 1))) {
      const command = commands.shift()
      if (command) socket.write(`${command}\r\n`)
    }
  })
  await once(socket, 'close')
  return received
}

describeWithPeers(['exim'], 'Exim', () => {
  test('offers STARTTLS, takes no mail, and logs QUIT', async () => {
    await using exim = await startExim()
    const received = await talk(exim, 'EHLO [127.0.0.1]', 'MAIL FROM:<>', 'RCPT TO:<a@lab.test>', 'QUIT')
    expect(received).toMatch(/^220 mail\.lab\.test ESMTP Exim /)
    expect(received).toMatch(/^250-STARTTLS\r$/m)
    expect(received).toMatch(/^550 [^\n]*\r\n221 /m)
    await expect.poll(exim.log).toMatch(/closed by QUIT/)
  })

  test('without TLS offers no STARTTLS, and two run beside each other', async () => {
    await using one = await startExim({ tls: false })
    await using other = await startExim()
    expect(await talk(one, 'EHLO [127.0.0.1]', 'QUIT')).not.toMatch(/STARTTLS/)
    expect(await talk(other, 'EHLO [127.0.0.1]', 'QUIT')).toMatch(/STARTTLS/)
  })
})
