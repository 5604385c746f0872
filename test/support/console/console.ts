import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect, inject, onTestFinished } from 'vitest'
import { fromOwnPage } from '../browser.ts'
import { startService, type TestService } from '../service.ts'

let connected: Promise<Browser> | undefined

/** The browser of the run. */
async function findBrowser(): Promise<Browser> {
  connected ??= text(connect(inject('browser'))).then((url) => chromium.connect(url))
  return connected
}

export interface TestConsole {
  service: TestService
  /** Of the service, without a slash at its end. */
  url: string
  /** Opens a page of the console, such as `/audits`, signed in as the administrator or with another key; null: signed out. */
  /** With `live` the page also hears of new results; its network is never idle then. */
  open(path: string, options?: BrowserContextOptions & { key?: string | null; live?: boolean }): Promise<ConsolePage>
  stop(): Promise<void>
}

export interface ConsolePage extends Page {
  /** What the console or the browser complained about: errors, and what the content security policy refused. */
  complaints: string[]
}

/** The real service with its console, for the browser of the run. */
export async function startConsole(options: Parameters<typeof startService>[0] = {}): Promise<TestConsole> {
  const service = await startService(options)
  const url = await service.listen()
  const browser = await findBrowser()
  return {
    service,
    url,
    async open(path, { key = service.key, live = false, ...contextOptions } = {}) {
      const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...contextOptions })
      onTestFinished(() => context.close()) // what it shows would go on to use the processor
      context.setDefaultTimeout(100_000) // what is only slow is no failure
      if (!live) await context.addInitScript({ content: "try { localStorage.setItem('live', 'off') } catch {}" })
      const page = Object.assign(await context.newPage(), { complaints: [] as string[] })
      page.on('pageerror', (error) => page.complaints.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') page.complaints.push(message.text())
      })
      if (key !== null) await signIn(page, url, key)
      await page.goto(`${url}/ui${path}`)
      if (key !== null && !live) await settled(page)
      return page
    },
    stop: () => service.stop(),
  }
}

/** Signs the browser in without the page for it. */
async function signIn(page: Page, url: string, key: string): Promise<void> {
  const response = await page.request.post(`${url}/session`, { data: { key }, headers: fromOwnPage })
  expect(response.status()).toBe(204)
}

/** Frames without anything that loads after which nothing more comes: what is drawn asks for its data in the frame after it. */
const quietFrames = 4
const isQuiet = `(async () => {
  for (let quiet = 0; quiet < ${quietFrames}; ) {
    await new Promise((drawn) => requestAnimationFrame(drawn))
    quiet = document.querySelector('[aria-busy=true], .skeleton') ? 0 : quiet + 1
  }
})()`

/** Waits until a page shows its content: its title is there, nothing loads, no skeleton is left. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.evaluate(isQuiet)
}

const widths = [360, 768, 1440] as const
const themes = ['light', 'dark'] as const
const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** The rules that depend on colours: all that a theme changes. */
const colourRules = ['color-contrast', 'link-in-text-block']

/**
 * Expects of a page at 360, 768 and 1440 pixels, light and dark: no violation that axe-core finds, nothing wider than the window, no
 * complaint of the browser. `CONSOLE_SCREENSHOTS` names a directory for pictures, whose names begin with `name`.
 */
export async function eachView(page: ConsolePage, name: string): Promise<void> {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 })
    for (const theme of themes) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      const view = `${name} at ${width}, ${theme}`
      const directory = process.env.CONSOLE_SCREENSHOTS
      if (directory) await page.screenshot({ path: `${directory}/${name}-${width}-${theme}.png`, fullPage: true })
      const rules: axe.RunOnly =
        theme === 'light' ? { type: 'tag', values: standards } : { type: 'rule', values: colourRules }
      expect([view, await violationsOf(page, rules)]).toEqual([view, []])
    }
    // Below 640 pixels a cell is a grid, in which text after an element falls into the column of the heads.
    const loose = await page.evaluate<
      string[]
    >(`[...document.querySelectorAll('.table td > * ~ *, .table td > :only-child')]
      .map((one) => one.parentElement.lastChild).filter((last) => last.nodeType === 3 && last.data.trim()).map(({ data }) => data)`)
    expect([name, loose]).toEqual([name, []])
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    expect([name, width, Math.max(0, overflow)]).toEqual([name, width, 0])
  }
  expect(page.complaints).toEqual([])
}

/** What axe-core finds, one line for each element. */
async function violationsOf(page: Page, runOnly: axe.RunOnly): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    (options) => (globalThis as unknown as { axe: typeof axe }).axe.run(options),
    { runOnly, resultTypes: ['violations'] } satisfies axe.RunOptions,
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary?.replaceAll(/\s+/g, ' ')}`),
  )
}
