import { Command } from 'commander'
import { version } from '../config/index.ts'
import { agentCommand } from './agent/command.ts'
import { auditCommand } from './audit/command.ts'
import { completionCommand } from './completion/command.ts'
import { demoCommand } from './demo/command.ts'
import { doctorCommand } from './doctor/command.ts'
import { keysCommand } from './keys/command.ts'
import { ledgerCommand } from './ledger/command.ts'
import { migrateCommand } from './migrate/command.ts'
import { packCommand } from './pack/command.ts'
import { policyCommand } from './policy/command.ts'
import { reportCommand } from './report/command.ts'
import { serveCommand } from './serve/command.ts'
import { targetsCommand } from './targets/command.ts'
import { traceCommand } from './trace/command.ts'

/** The program `portwarden` with all its commands. */
export function createProgram(): Command {
  return new Command('portwarden')
    .description('Audits server ports for compliance, and keeps the evidence.')
    .version(version, '--version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addCommand(auditCommand())
    .addCommand(serveCommand())
    .addCommand(agentCommand())
    .addCommand(migrateCommand())
    .addCommand(traceCommand())
    .addCommand(policyCommand())
    .addCommand(targetsCommand())
    .addCommand(reportCommand())
    .addCommand(ledgerCommand())
    .addCommand(packCommand())
    .addCommand(keysCommand())
    .addCommand(doctorCommand())
    .addCommand(demoCommand())
    .addCommand(completionCommand())
}
