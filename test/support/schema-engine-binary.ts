import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { openWasmEngine } from './schema-engine.ts'

// Stands where the native engine of Prisma's command line stands, and speaks its protocol (JSON-RPC, a line each) with the
// same engine in WebAssembly. The native one is a download.
const { values, positionals } = parseArgs({
  options: { datasource: { type: 'string' }, datamodels: { type: 'string', multiple: true } },
  allowPositionals: true,
  strict: false,
})
const { url } = JSON.parse(String(values.datasource)) as { url: string }
const files = (values.datamodels ?? []) as string[]
const pool = new pg.Pool({ connectionString: url })

if (positionals[0] === 'cli') {
  await pool.query('SELECT 1') // can-connect-to-database
  await pool.end()
} else {
  const datamodels = files.map((path): [string, string] => [path, readFileSync(path, 'utf8')])
  const engine = await openWasmEngine(pool, datamodels)
  const methods = engine as unknown as Record<string, (params: unknown) => Promise<unknown>>
  for await (const line of createInterface(process.stdin)) {
    const { id, method, params } = JSON.parse(line) as { id: number; method: string; params: unknown }
    const name = method === 'getDatabaseVersion' ? 'version' : method
    const outcome = await methods[name]?.call(engine, params).then(
      (result) => ({ result: result ?? null }),
      (error: Error) => ({
        error: { code: 4466, message: error.message, data: { is_panic: false, message: error.message } },
      }),
    )
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...outcome })}\n`)
  }
  await pool.end()
}
