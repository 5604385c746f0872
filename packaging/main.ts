import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentProgram } from '../src/cli/agent/command.ts'
import { describeCommand, helpOf } from '../src/cli/describe.ts'
import { renderManPage } from '../src/cli/man-page.ts'
import { createProgram } from '../src/cli/program.ts'
import { dependenciesOf, readManifest } from './manifest.ts'
import { buildModules, root } from './modules.ts'

// Node strips no types of code under node_modules, so packages hold JavaScript.
const manifest = readManifest()
const connector = 'src/probes/network/connector/system/thread.ts'
await buildProgram(join(root, 'lib'))
await buildAgent(join(root, 'dist/agent'))

/** What `npm pack` packs, and what the image runs. */
async function buildProgram(directory: string): Promise<void> {
  const imported = await buildModules(['src/main.ts', connector, 'src/operations/policies/check-thread.ts'], directory)
  dependenciesOf(imported, manifest)
  writeFileSync(join(directory, 'portwarden.1'), renderManPage(describeCommand(createProgram()), manifest.version))
}

/** What `npm pack ./dist/agent` packs: the agent alone. */
async function buildAgent(directory: string): Promise<void> {
  const imported = await buildModules(['src/cli/agent/main.ts', connector], join(directory, 'lib'))
  const { version, license, engines } = manifest
  const own = {
    name: 'portwarden-agent',
    version,
    description: 'The agent of Portwarden: probes from a vantage, and delivers what it observes to the service.',
    license,
    type: 'module',
    bin: { 'portwarden-agent': 'lib/cli/agent/main.js' },
    files: ['lib'],
    engines,
    ...dependenciesOf(imported, manifest),
  }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(own, null, 2)}\n`)
  writeFileSync(join(directory, 'README.md'), `# portwarden-agent\n\n\`\`\`\n${helpOf(agentProgram(), 110)}\n\`\`\`\n`)
  copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'))
}
