import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'

type Labels = Record<string, string>

/** The supported part of a scrape configuration; `scrapesOf` refuses the rest. */
export interface ScrapeJob {
  job_name: string
  scheme: string
  metrics_path?: string
  params?: Record<string, string[]>
  tls_config: { ca_file: string }
  authorization: { credentials_file: string }
  static_configs: { targets: string[] }[]
  relabel_configs?: { source_labels?: string[]; target_label: string; replacement?: string }[]
}

const understood = 'job_name scheme metrics_path params tls_config authorization static_configs relabel_configs'.split(
  ' ',
)
const understoodOfRelabel = 'source_labels target_label replacement'.split(' ')

function refuseOthers(node: object, names: readonly string[]): void {
  const other = Object.keys(node).find((name) => !names.includes(name))
  if (other !== undefined) throw new Error(`${other} is not understood here`)
}

/** Prometheus' request and the labels of its series: `scrape.populateLabels` and `Target.URL`. */
export function scrapesOf(job: ScrapeJob): { url: URL; instance: string }[] {
  refuseOthers(job, understood)
  for (const relabel of job.relabel_configs ?? []) refuseOthers(relabel, understoodOfRelabel)
  return job.static_configs.flatMap(({ targets }) => targets.map((address) => scrapeOf(job, address)))
}

function scrapeOf({ scheme, metrics_path = '/metrics', params = {}, relabel_configs = [] }: ScrapeJob, target: string) {
  const labels: Labels = { __address__: target }
  for (const [name, [value = '']] of Object.entries(params)) labels[`__param_${name}`] = value
  for (const { source_labels = [], target_label, replacement = '$1' } of relabel_configs) {
    const source = source_labels.map((name) => labels[name] ?? '').join(';')
    labels[target_label] = replacement.replaceAll('$1', () => source)
  }
  const url = new URL(`${scheme}://${labels.__address__}${metrics_path}`)
  for (const [name, value] of Object.entries(labels))
    if (name.startsWith('__param_')) url.searchParams.set(name.slice('__param_'.length), value)
  return { url, instance: labels.instance ?? labels.__address__ ?? '' }
}

/** Scrapes like Prometheus, with its headers and the files of the job. */
export async function scrape({ tls_config, authorization }: ScrapeJob, url: URL) {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request(url, {
      ca: readFileSync(tls_config.ca_file),
      headers: {
        accept:
          'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
        authorization: `Bearer ${readFileSync(authorization.credentials_file, 'utf8').trim()}`,
        'x-prometheus-scrape-timeout-seconds': '10',
      },
    })
      .on('response', resolve)
      .on('error', reject)
      .end(),
  )
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) }
}
