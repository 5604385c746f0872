import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config/index.ts'
import { read, root } from '../support/pages.ts'

const rows = [...read('docs/settings.md').matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)` )?\| (.+) \|$/gm)]
const documented = rows.map(([, name = '', byDefault = '']) => [name, byDefault] as const)

const sorted = (names: Iterable<string>) => [...new Set(names)].sort()

test('docs/settings.md has every variable that the configuration reads, and no other', () => {
  const sources = globSync('src/{config,cli,telemetry}/**/*.ts', { cwd: root }).map(read).join()
  const names = [
    ...sources.matchAll(
      /\b(?:PORTWARDEN_[A-Z_]*[A-Z]|DATABASE_(?:(?:DIRECT|REPLICA)_)?URL|OTEL_EXPORTER_OTLP_ENDPOINT|HOST|PORT)\b/g,
    ),
  ]
  expect(sorted(documented.map(([name]) => name.replace(/_FILE$/, '')))).toEqual(
    sorted(names.map(([name]) => name.replace(/_FILE$/, ''))),
  )
})

test('the secrets that can come from a file are listed with the variable of that file', () => {
  const sources = globSync('src/{config,cli}/**/*.ts', { cwd: root }).map(read).join()
  const secrets = [...sources.matchAll(/(?:secret\(|readSecret\((?:process\.)?env, )'([A-Z_]+)'/g)].map(
    ([, name]) => `${name}_FILE`,
  )
  expect(sorted(documented.map(([name]) => name).filter((name) => name.endsWith('_FILE')))).toEqual(sorted(secrets))
})

test('its defaults are those of the configuration', () => {
  const defaults = Object.fromEntries(documented.filter(([, byDefault]) => byDefault !== ''))
  expect(Object.keys(defaults).length).toBeGreaterThan(25)
  expect(readConfig(defaults)).toEqual(readConfig({}))
})

test('.env.example has every setting with its default, as comments in the same order', () => {
  const lines = [...read('.env.example').matchAll(/^#([A-Z_]+)=(.*)$/gm)]
  expect(lines.map(([, name, byDefault]) => [name, byDefault])).toEqual(documented)
})
