// All figures of benchmarks/README.md, one script after the other, each in a process of its own.
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const SCRIPTS = [
  'cli-start',
  'node-start',
  'sandbox',
  'job-latency',
  'content',
  'throughput',
  'latency',
  'failure',
  'job-list',
  'log-stream',
  'event-streams',
  'docker',
  'data',
  'scale',
  'placement',
  'relay',
  'reconnect',
  'compare',
]

console.log(`Node ${process.version}, ${process.platform} ${process.arch}\n`)
for (const script of SCRIPTS) {
  console.log(`— ${script}`)
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, `${script}.ts`)], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
  console.log()
}
