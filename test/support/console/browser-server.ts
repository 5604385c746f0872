import { type BrowserServer, chromium } from 'playwright-core'
import { findCommand } from '../processes.ts'

/** Debian's Chromium without a window, for the whole run. Its profile is in `directory`. */
export const startBrowser = (directory: string): Promise<BrowserServer> =>
  chromium.launchServer({
    executablePath: findCommand('chromium') ?? 'chromium',
    host: '127.0.0.1',
    chromiumSandbox: process.getuid?.() !== 0, // root has none
    artifactsDir: directory,
    env: { ...process.env, TMPDIR: directory, TZ: 'Europe/Berlin', LANG: 'en_GB.UTF-8' },
  })
