import { defineConfig } from 'prisma/config'

// `prisma generate` works by WASM, yet insists on an engine and would download one: any existing file satisfies it.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: 'schema.prisma', migrations: { path: 'migrations' } })
