import { writeFileSync } from 'node:fs'
import { buildServer, type ServerParts, type View } from '../api/server.ts'
import { readConfig, version } from '../config.ts'

/** The OpenAPI document of the routes, as text; no part of the service is started. */
export async function renderOpenApi(): Promise<string> {
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
  return `${JSON.stringify(document, null, 2)}\n`
}

if (import.meta.main) writeFileSync(new URL('../../openapi/openapi.json', import.meta.url), await renderOpenApi())
