import { writeFileSync } from 'node:fs'
import type { ServerParts, View } from '../api/context.ts'
import { toOpenApi30 } from '../api/openapi/openapi-3.0.ts'
import { buildServer } from '../api/server.ts'
import { readConfig, version } from '../config/index.ts'

/** Renders the OpenAPI documents by file name. */
export async function renderOpenApi(): Promise<Record<'openapi.json' | 'openapi-3.0.json', string>> {
  const unused = {} as ServerParts & View
  const server = await buildServer({
    ...unused,
    version,
    listening: readConfig({}).listening,
    log: undefined as never,
  })
  await server.ready()
  const document = server.swagger()
  await server.close()
  const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`
  return { 'openapi.json': text(document), 'openapi-3.0.json': text(toOpenApi30(document)) }
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await renderOpenApi()))
    writeFileSync(new URL(`../../openapi/${name}`, import.meta.url), text)
}
