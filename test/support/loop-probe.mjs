// Preloaded into a service: prints a URL that returns the CPU time of its longest turn of the event loop, and starts again.
import { createServer } from 'node:http'
import { isMainThread } from 'node:worker_threads'

const everyMs = 2
let longestMs = 0
let last = process.threadCpuUsage()

if (isMainThread) {
  // CPU time, not wall time: other processes of a busy machine do not count.
  setInterval(() => {
    const now = process.threadCpuUsage()
    longestMs = Math.max(longestMs, (now.user + now.system - last.user - last.system) / 1000)
    last = now
  }, everyMs).unref()

  const server = createServer((_request, response) => {
    response.end(String(longestMs))
    longestMs = 0
  })
  server.unref()
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`loop probe at http://127.0.0.1:${server.address().port}\n`)
  })
}
