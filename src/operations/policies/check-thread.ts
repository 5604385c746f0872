import { parentPort } from 'node:worker_threads'
import { checkHere, type Draft } from './check.ts'

parentPort?.on('message', (draft: Draft) => parentPort?.postMessage(checkHere(draft)))
