import { execFileSync } from 'node:child_process'
import { builtIn, root } from './modules.ts'

interface Component {
  name: string
  scope: string
  properties: object[]
}

// For npm, what is built in is a package for development.
const options = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
const text = execFileSync('npm', ['sbom', ...options], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
const bill = JSON.parse(text) as { components: Component[] }
for (const component of bill.components)
  if (builtIn.has(component.name)) Object.assign(component, { scope: 'required', properties: [] })
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`)
