import { once } from 'node:events'
import { get } from 'node:http'
import { loadavg } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { type Browser, chromium, type Page } from 'playwright-core'
import { randomNumbers } from '../src/runtime/random-numbers.ts'
import type { Bench, Figure } from './main.ts'
import { figure, median, percentile } from './measure.ts'
import { openNights } from './nights.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'

const targets = 10_000
const wide = {
  policy: 'thirty-ports',
  ports: Array.from({ length: 30 }, (_, i) => 1_000 + i),
  nights: 1,
  closedShare: 0.03,
}

const log = (text: string) => console.error(`console: ${text}, load average ${loadavg()[0]?.toFixed(1)}`)

/** The responses that pages of the console wait for, and its pages in Chromium: on years of nights, then with a wide matrix. */
export const measureConsole: Bench = async (dataDir) => {
  const nights = Number(process.env.PORTWARDEN_BENCH_NIGHTS ?? 365)
  const stores = await openOwnStores(dataDir)
  const measure = async (work: (service: Service, browser: Browser) => Promise<Figure[]>) => {
    await stores.db.$executeRaw`VACUUM (ANALYZE) finding, span, audit, evidence, series, target` // as autovacuum does within a day
    const env = { DATABASE_URL: stores.url, PORTWARDEN_REQUESTS_PER_MINUTE: '10000000' }
    const service = await startService(dataDir, env)
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
    try {
      return await work(service, browser)
    } finally {
      await browser.close()
      await service.stop()
    }
  }
  try {
    const three = await openNights(stores, { targets, nights })
    await three.load(nights, (done) => done % 30 === 0 && log(`${done} nights of three ports recorded`))
    const ofYears = await measure(measureYears)
    const thirty = await openNights(stores, { targets, ...wide })
    log('the series of thirty ports made')
    await thirty.load(wide.nights, (done) => log(`${done} nights of thirty ports recorded`))
    return [...ofYears, ...(await measure(measureMatrix))]
  } finally {
    await stores.close()
  }
}

async function measureYears(service: Service, browser: Browser): Promise<Figure[]> {
  const random = randomNumbers(7)
  const host = () => `host-${String(Math.floor(random() * targets)).padStart(5, '0')}`
  const trend = await requests(service, () => 'reports/trend', 20)
  const findings = await requests(service, () => 'findings?result=fail&waived=false&facets=true&limit=100', 40)
  const search = await requests(service, () => `search?q=${random() < 0.5 ? host() : host().slice(5, 8)}`, 100)
  const unknown = await requests(service, () => 'reports/unknown', 20)
  const overview = await paints(browser, service, '/')
  return [
    figure('trend of 90 days, p95 by HTTP', percentile(trend.tookMs, 0.95), 'ms', '≤ 500'),
    figure('findings with facets, p95 by HTTP', percentile(findings.tookMs, 0.95), 'ms', '≤ 300'),
    figure('search, p95 by HTTP', percentile(search.tookMs, 0.95), 'ms', '≤ 100'),
    figure('what is not known, p95 by HTTP', percentile(unknown.tookMs, 0.95), 'ms'),
    figure('first contentful paint, median of 5', overview.first, 'ms', '≤ 400'),
    figure('largest paint of the overview, median of 5', overview.largest, 'ms', '≤ 1200'),
  ]
}

async function measureMatrix(service: Service, browser: Browser): Promise<Figure[]> {
  const matrix = await requests(service, () => `reports/matrix?policy=${wide.policy}&limit=${targets}`, 10)
  const page = `/matrix?policy=${wide.policy}`
  const painted = await paints(browser, service, page)
  const scrolled = await scroll(browser, service, page)
  return [
    figure('matrix of 10,000 × 30, p95 by HTTP', percentile(matrix.tookMs, 0.95), 'ms', '≤ 1000'),
    figure('the same, compressed', matrix.bytes / 1000, 'kB', '≤ 180'),
    figure('largest paint of its page, median of 5', painted.largest, 'ms', '≤ 1500'),
    figure('until its cells are there, median of 5', painted.settled, 'ms'),
    figure('main thread for each frame of the matrix that scrolls', scrolled.frameMs, 'ms', '≤ 8'),
    figure('heap of the matrix', scrolled.heapMb, 'MB', '≤ 60'),
    figure('elements of the matrix', scrolled.elements, '', '≤ 1500'),
  ]
}

/** How long requests took, and the bytes of the last compressed response. The first two are not counted. */
async function requests({ url, key }: Service, path: () => string, times: number) {
  const headers = { authorization: `Bearer ${key}`, 'accept-encoding': 'br, gzip' }
  const tookMs: number[] = []
  let bytes = 0
  for (let i = 0; i < times + 2; i++) {
    const startedAt = performance.now()
    const [response] = await once(get(`${url}/v1/${path()}`, { headers }), 'response')
    bytes = (await buffer(response)).length
    tookMs.push(performance.now() - startedAt)
    if (response.statusCode !== 200) throw new Error(`${path()}: status ${response.statusCode}`)
  }
  log(`${path()}: ${tookMs.map(Math.round).join(', ')} ms`)
  return { tookMs: tookMs.slice(2), bytes }
}

/** A page of its own browser profile, signed in. */
async function open(browser: Browser, { url, key }: Service): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  const headers = { 'sec-fetch-site': 'same-origin', 'x-portwarden': 'console' }
  await page.request.post(`${url}/session`, { data: { key }, headers })
  return page
}

async function show(page: Page, { url }: Service, path: string): Promise<void> {
  await page.goto(`${url}/ui${path}`)
  await page.locator('h1').first().waitFor()
  await page.locator('.skeleton').first().waitFor({ state: 'detached' })
}

/** Medians of five loads of a page with an empty cache, in milliseconds after the start of the navigation. */
async function paints(browser: Browser, service: Service, path: string) {
  const [first, largest, settled]: [number[], number[], number[]] = [[], [], []]
  for (let i = 0; i < 5; i++) {
    const page = await open(browser, service)
    await show(page, service, path)
    settled.push(await page.evaluate<number>('performance.now()'))
    await page.waitForLoadState('networkidle')
    const [one, last] = await page.evaluate<[number, number]>(`new Promise((resolve) => {
      const first = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN
      new PerformanceObserver((list) => resolve([first, list.getEntries().at(-1).startTime]))
        .observe({ type: 'largest-contentful-paint', buffered: true })
      setTimeout(() => resolve([first, NaN]), 5000)
    })`)
    first.push(one)
    largest.push(last)
    await page.context().close()
  }
  log(
    `${path}: first ${first.map(Math.round)}, largest ${largest.map(Math.round)}, settled ${settled.map(Math.round)} ms`,
  )
  return { first: median(first), largest: median(largest), settled: median(settled) }
}

const frames = 150

/** What a matrix costs that scrolls down by 60 pixels for each frame. */
async function scroll(browser: Browser, service: Service, path: string) {
  const page = await open(browser, service)
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Performance.enable')
  const metric = async (name: string) => {
    const { metrics } = await devTools.send('Performance.getMetrics')
    return metrics.find((one) => one.name === name)?.value ?? Number.NaN
  }
  await show(page, service, path)
  await page.waitForLoadState('networkidle')
  const before = await metric('TaskDuration')
  await page.evaluate(`new Promise((resolve) => {
    let left = ${frames}
    const step = () => {
      document.querySelector('.matrix').scrollTop += 60
      if (--left > 0) requestAnimationFrame(step); else resolve()
    }
    requestAnimationFrame(step)
  })`)
  const frameMs = ((await metric('TaskDuration')) - before) * (1000 / frames)
  await devTools.send('HeapProfiler.collectGarbage')
  const heapMb = (await metric('JSHeapUsedSize')) / 1e6
  const elements = await page.evaluate<number>("document.querySelectorAll('*').length")
  await page.context().close()
  return { frameMs, heapMb, elements }
}
