import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eachView, startConsole, type TestConsole } from '../support/console/console.ts'
import { root } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

/** What cannot be recognised without the colours of the page: signs below 3:1, words below 4.5:1, bars without a word. */
const weakInForcedColours = `(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (a, b) => { const [low, high] = [light(a), light(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05) }
  const ground = (one) => {
    const colour = getComputedStyle(one).backgroundColor
    return (parts(colour)[3] ?? 1) > 0 || !one.parentElement ? colour : ground(one.parentElement)
  }
  const weak = (selector, name, least) => [...document.querySelectorAll(selector)]
    .map((one) => [one, contrast(getComputedStyle(one)[name], ground(one.closest('svg')?.parentElement ?? one))])
    .filter(([, found]) => found < least).map(([one, found]) => selector + ' ' + found.toFixed(1) + ' ' + one.outerHTML.slice(0, 80))
  const bars = [...document.querySelectorAll('svg.bar')]
  const silent = bars.filter((bar) => !bar.getAttribute('aria-label')).map(({ outerHTML }) => outerHTML.slice(0, 80))
  return [
    ...weak('.glyph path', 'stroke', 3), ...weak('.verdict', 'color', 4.5), ...weak('.state', 'color', 4.5),
    ...weak('.mark[data-result=fail]', 'fill', 3), ...silent, ...(bars.length > 3 ? [] : ['no bars']),
  ]
})()`

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

  test.each(['light', 'dark'] as const)(
    'are recognised in forced colours, %s: signs and words have contrast, bars keep their colours and have words',
    async (colorScheme) => {
      const page = await console.open('/parts', { forcedColors: 'active', colorScheme })
      if (process.env.CONSOLE_SCREENSHOTS)
        await page.screenshot({ path: `${process.env.CONSOLE_SCREENSHOTS}/forced-${colorScheme}.png`, fullPage: true })
      expect(await page.evaluate<string[]>(weakInForcedColours)).toEqual([])
    },
  )

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
