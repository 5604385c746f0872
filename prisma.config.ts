import { defineConfig } from 'prisma/config'

// These commands use no engine, yet the command line downloads one unless this names a file. All others need a real engine.
const withoutEngine = ['generate', 'validate', 'format']
if (withoutEngine.includes(process.argv[2] ?? '')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
})
