#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=30
import { requireNode } from './runtime/require-node.ts'

requireNode()
const { runProgram } = await import('./cli/command.ts')
const { createProgram } = await import('./cli/program.ts')

await runProgram(createProgram(), process.argv.slice(2))
