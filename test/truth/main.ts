import { explain, type Outcome, openLab } from './lab.ts'
import { rows } from './table.ts'

// Prints the table as Markdown; a text as argument selects rows that contain it.
const [wanted = ''] = process.argv.slice(2)
const selected = rows.filter(({ case: text, peer, site }) => `${peer} ${site} ${text}`.includes(wanted))
await using lab = await openLab(selected)
const settled = await Promise.allSettled(selected.map((row) => lab.establish(row)))
const outcomes = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
const broken = settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))

const cell = (text: string) => text.replaceAll('|', '\\|')
const line = ({ row, oracle, portwarden, agrees }: Outcome) => {
  const verdict = portwarden.result === 'pass' ? 'pass' : `${portwarden.result}, ${portwarden.reason}`
  const cells = [
    row.case,
    `${row.peer} ${row.site}`,
    `${row.oracle.name}: ${oracle.text}`,
    verdict,
    agrees ? 'yes' : '**NO**',
  ]
  return `| ${cells.map(cell).join(' | ')} |\n`
}
process.stdout.write('| case | peer | oracle | Portwarden | agree |\n|---|---|---|---|---|\n')
process.stdout.write(outcomes.map(line).join(''))
const different = outcomes.filter(({ agrees }) => !agrees)
process.stdout.write(`\n${outcomes.length} rows, ${different.length} differences\n`)
for (const outcome of different) process.stdout.write(`\n${explain(outcome)}\n`)
for (const error of new Set(broken)) process.stdout.write(`\nnot established: ${error}\n`)
if (different.length + broken.length > 0) process.exitCode = 1
