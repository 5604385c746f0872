import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const outDir = join(import.meta.dirname, 'dist', 'console')

/** Writes `.br` and `.gz` beside each file, so that the service compresses nothing that never changes. */
const compress: Plugin = {
  name: 'compress',
  apply: 'build',
  async writeBundle({ dir = outDir }) {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.vite'))
    for (const path of files.map((file) => join(file.parentPath, file.name))) {
      const bytes = await readFile(path)
      const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
      await Promise.all([writeFile(`${path}.br`, brotli), writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }))])
    }
  },
}

/** Builds the browser code of the console; `npm ci` runs it. */
export default defineConfig({
  root: join(import.meta.dirname, 'src', 'console'),
  base: './', // the service may sit below a path prefix
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [compress],
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2024',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // the first with light-dark()
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy allows no data: URL
    manifest: true,
    license: { fileName: 'licenses.txt' },
  },
})
