import { defineConfig } from 'vitest/config'
import { testFiles } from './test/support/classes.ts'

const project = (name: keyof typeof testFiles, settings = {}) => ({
  extends: true as const,
  test: { name, include: testFiles[name], ...settings },
})

export default defineConfig({
  test: {
    projects: [project('unit'), project('integration'), project('slow', { isolate: true /* measures memory */ })],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    isolate: false, // a worker loads the sources once, which saves a second of CPU for each file
    maxWorkers: '100%', // by itself it leaves one core idle
    // These find what hangs. What is only slow, on a machine that has much else to do, is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    restoreMocks: true, // files share their workers
    unstubEnvs: true,
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
})
