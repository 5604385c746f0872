#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=30
import { requireNode } from '../../runtime/require-node.ts'

requireNode()
const { runProgram } = await import('../command.ts')
const { agentProgram } = await import('./command.ts')

await runProgram(agentProgram(), process.argv.slice(2))
