import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    maxWorkers: '100%', // by itself it leaves one core idle
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
