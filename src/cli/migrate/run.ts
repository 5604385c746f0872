import { openAppDatabase } from '../../app/database.ts'
import { openLog } from '../../app/log.ts'
import { readConfig, version } from '../../config/index.ts'
import { exitStatus, say } from '../command.ts'

export async function run(): Promise<number> {
  const config = readConfig(process.env)
  await using stack = new AsyncDisposableStack()
  await openAppDatabase(stack, config, { exclusive: false, log: openLog(config.logLevel) })
  say(`the database has the tables of Portwarden ${version}`)
  return exitStatus.pass
}
