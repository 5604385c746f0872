#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=30
import { runProgram } from './cli/command.ts'
import { createProgram } from './cli/program.ts'

await runProgram(createProgram(), process.argv.slice(2))
