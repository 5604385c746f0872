import { once } from 'node:events'
import { get } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type Browser, chromium } from 'playwright-core'
import type { Bench, Figure } from './main.ts'
import { figure, median, percentile } from './measure.ts'
import { openNights } from './nights.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'

const targets = 10_000
const wide = { policy: 'thirty-ports', ports: Array.from({ length: 30 }, (_, i) => 1_000 + i), nights: 3 }

/** The responses that pages of the console wait for, and the paints of its pages in Chromium, with 10,000 targets. */
export const measureConsole: Bench = async (dataDir) => {
  const nights = Number(process.env.PORTWARDEN_BENCH_NIGHTS ?? 365)
  const stores = await openOwnStores(dataDir)
  try {
    await (await openNights(stores, { targets, nights })).load(nights)
    await (await openNights(stores, { targets, ...wide })).load(wide.nights)
    await stores.db.$executeRaw`VACUUM (ANALYZE) finding, span, audit, evidence, series, target` // as autovacuum does within a day
    const service = await startService(dataDir, { DATABASE_URL: stores.url })
    try {
      return [...(await measureResponses(service)), ...(await measurePages(service))]
    } finally {
      await service.stop()
    }
  } finally {
    await stores.close()
  }
}

async function measureResponses(service: Service): Promise<Figure[]> {
  const matrix = await requests(service, `reports/matrix?policy=${wide.policy}&limit=${targets}`, 10)
  const findings = await requests(service, 'findings?result=fail&facets=true&limit=100', 40)
  return [
    figure('matrix of 10,000 × 30, p95 by HTTP', percentile(matrix.tookMs, 0.95), 'ms', '≤ 1000'),
    figure('the same, compressed', matrix.bytes / 1000, 'kB', '≤ 180'),
    figure('findings with facets, p95 by HTTP', percentile(findings.tookMs, 0.95), 'ms', '≤ 300'),
  ]
}

/** How long requests for a report took, and the bytes of the last compressed response. */
async function requests({ url, key }: Service, path: string, times: number) {
  const headers = { authorization: `Bearer ${key}`, 'accept-encoding': 'br, gzip' }
  const tookMs: number[] = []
  let bytes = 0
  for (let i = 0; i < times; i++) {
    const startedAt = performance.now()
    const [response] = await once(get(`${url}/v1/${path}`, { headers }), 'response')
    bytes = (await buffer(response)).length
    tookMs.push(performance.now() - startedAt)
    if (response.statusCode !== 200) throw new Error(`${path}: status ${response.statusCode}`)
  }
  return { tookMs, bytes }
}

async function measurePages(service: Service): Promise<Figure[]> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  try {
    const overview = await paints(browser, service, '/')
    const matrix = await paints(browser, service, `/matrix?policy=${wide.policy}`)
    return [
      figure('first contentful paint, median of 5', overview.first, 'ms', '≤ 400'),
      figure('largest paint of the overview, median of 5', overview.largest, 'ms', '≤ 1200'),
      figure('largest paint of the matrix, median of 5', matrix.largest, 'ms', '≤ 1500'),
    ]
  } finally {
    await browser.close()
  }
}

/** Medians of five loads of a page with an empty cache, in milliseconds after the start of the navigation. */
async function paints(browser: Browser, { url, key }: Service, path: string) {
  const [first, largest]: [number[], number[]] = [[], []]
  for (let i = 0; i < 5; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    const headers = { 'sec-fetch-site': 'same-origin', 'x-portwarden': 'console' }
    await page.request.post(`${url}/session`, { data: { key }, headers })
    await page.goto(`${url}/ui${path}`)
    await page.locator('.skeleton').first().waitFor({ state: 'detached' })
    await page.waitForLoadState('networkidle')
    const [one, last] = await page.evaluate<[number, number]>(`new Promise((resolve) => {
      const first = performance.getEntriesByName('first-contentful-paint')[0].startTime
      new PerformanceObserver((list) => resolve([first, list.getEntries().at(-1).startTime]))
        .observe({ type: 'largest-contentful-paint', buffered: true })
    })`)
    first.push(one)
    largest.push(last)
    await context.close()
  }
  return { first: median(first), largest: median(largest) }
}
