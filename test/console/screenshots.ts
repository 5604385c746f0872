import { chromium } from 'playwright-core'

/**
 * Takes the pictures of the README from a running demo: `npm run screenshots -- LINK`, with the sign-in link that
 * `npm run demo` prints. Needs Debian's package chromium.
 */
const pictures = { overview: '/ui/', findings: '/ui/findings', matrix: '/ui/matrix' }

const [link] = process.argv.slice(2)
if (!link) throw new Error('usage: npm run screenshots -- LINK')
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  })
  // Otherwise the stream of new results keeps the network busy.
  await context.addInitScript({ content: "localStorage.setItem('live', 'off')" })
  const page = await context.newPage()
  await page.goto(link)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  for (const [name, path] of Object.entries(pictures)) {
    await page.goto(new URL(path, link).href)
    await page.locator('.skeleton').first().waitFor({ state: 'detached' })
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: new URL(`../../docs/images/${name}.png`, import.meta.url).pathname })
  }
} finally {
  await browser.close()
}
