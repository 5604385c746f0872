import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eachView, startConsole, type TestConsole } from '../support/console/console.ts'
import { root } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

describeWithPeers(['chromium'], 'the parts', () => {
  let directory: TempDir
  let console: TestConsole
  beforeAll(async () => {
    directory = await makeTempDir('console')
    // The page of the parts is in a build for development alone.
    await build({
      configFile: join(root, 'vite.config.ts'),
      mode: 'parts',
      build: { outDir: directory.path, emptyOutDir: true },
    })
    console = await startConsole({ working: false, consoleDirectory: directory.path })
  })
  afterAll(async () => {
    await console?.stop()
    await directory?.remove()
  })

  test('are accessible in all their states and in every view', async () => {
    const page = await console.open('/parts')
    await eachView(page, 'parts')
  })

  test.each(['dialog', 'drawer'])(
    'a %s takes the focus, closes with Escape, and gives the focus back',
    async (kind) => {
      const page = await console.open('/parts')
      const button = page.getByRole('button', { name: `Open ${kind}` })
      await button.press('Enter')
      await page.getByRole('dialog').waitFor()
      await eachView(page, kind)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      expect(await page.evaluate('document.activeElement.textContent')).toBe(`Open ${kind}`)
    },
  )

  test('the time control shows a night before, with a band, and goes back', async () => {
    const page = await console.open('/parts')
    await page.keyboard.press('[')
    await page.getByText('You see what was known on').waitFor()
    await eachView(page, 'past')
    await page.getByRole('link', { name: 'Back to now' }).click()
    await page.getByText('You see what was known on').waitFor({ state: 'detached' })
    expect(page.url()).not.toContain('at=')
  })
})
