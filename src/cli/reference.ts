import { writeFileSync } from 'node:fs'
import { readBuiltIns } from '../policies/built-in.ts'
import { type Described, describeCommand, flatten, helpOf } from './describe.ts'
import { statuses } from './man-page.ts'
import { renderLibrary } from './policy/library-page.ts'
import { createProgram } from './program.ts'

const columns = 110

/** The page docs/cli.md, from the definitions of the commands. */
export function renderReference(program: Described): string {
  const [, ...commands] = flatten(program)
  return `# Command line

One program has all commands: \`portwarden COMMAND\` where it is [installed](installation.md). In a checkout of the repository, \`npm start\` is
\`portwarden serve\`, and \`npm run audit\`, \`agent\`, \`trace\`, \`ledger\`, \`pack\` and \`demo\` are the commands of that name; their arguments
follow \`--\`, and \`npm run -s\` keeps npm from printing its own lines. All commands read the [settings](settings.md), and print progress and errors
on standard error. Colours appear on a terminal, unless \`NO_COLOR\` is set.

With \`--server URL\` a command works with a service that runs elsewhere, with the key in \`PORTWARDEN_KEY\` or the file that
\`PORTWARDEN_KEY_FILE\` names. \`NODE_EXTRA_CA_CERTS\` names the authority of its certificate where the system does not trust it. Without
\`--server\` it works with the database of the [settings](settings.md), by default the embedded one.

| command | purpose |
|---|---|
${commands.map((one) => `| [\`portwarden ${one.path.join(' ')}\`](#${anchorOf(one)}) | ${one.summary} |`).join('\n')}

## Exit status

| status | meaning |
|---|---|
${statuses.map(([status, meaning]) => `| ${status} | ${meaning} |`).join('\n')}

A command whose output cannot be written, for example because the disk is full, ends with 2.

${commands.map(sectionOf).join('\n\n')}
`
}

const anchorOf = ({ path }: Described) => `portwarden-${path.join('-')}`

const sectionOf = ({ path, command }: Described) =>
  `## portwarden ${path.join(' ')}\n\n\`\`\`\n${helpOf(command, columns)}\n\`\`\``

if (import.meta.main) {
  writeFileSync(new URL('../../docs/cli.md', import.meta.url), renderReference(describeCommand(createProgram())))
  writeFileSync(new URL('../../docs/policy-library.md', import.meta.url), renderLibrary(readBuiltIns()))
}
