import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeCommand } from '../src/cli/describe.ts'
import { renderManPage } from '../src/cli/man-page.ts'
import { createProgram } from '../src/cli/program.ts'
import { dependenciesOf, readManifest } from './manifest.ts'
import { buildModules, root } from './modules.ts'

// What `npm pack` packs and the image runs: Node strips no types of code under node_modules.
const manifest = readManifest()
const connector = 'src/probes/network/connector/system/thread.ts'
const directory = join(root, 'lib')
const imported = await buildModules(['src/main.ts', connector, 'src/operations/policies/check-thread.ts'], directory)
dependenciesOf(imported, manifest)
writeFileSync(join(directory, 'portwarden.1'), renderManPage(describeCommand(createProgram()), manifest.version))
