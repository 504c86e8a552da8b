// The log socket of the API: how fast output goes through it (`--megabytes`, 500), how much memory that takes, how long after it
// is written a line arrives, and what a reader that takes nothing does to the others. The output is made in the process of the
// API, as if it came from a node; the readers are processes of their own, which only count.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { setTimeout as after } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Job } from '@bacalhau/models'
import { WebSocket } from 'ws'
import { nodeInfo, PEER_ID, wasmJob } from '../packages/bacalhau/src/api/testing/api.ts'
import { ScriptedOrchestrator } from '../packages/bacalhau/src/api/testing/orchestrator.ts'
import { createApi } from '../packages/bacalhau/src/api/server.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '500' } } })
const megabytes = Number(values.megabytes)
const CHUNK = 64 * 1_024
const LINES = 200

/** Counts the characters of all lines, and tells when each message came. */
const READER = `
import { WebSocket } from 'ws'
const socket = new WebSocket(process.env.READER_URL)
let characters = 0
const arrivals = []
socket.on('message', (data) => {
  const { Line } = JSON.parse(data).value
  characters += Line.length
  if (process.env.READER_TIMES) arrivals.push(performance.timeOrigin + performance.now())
})
socket.on('close', () => console.log(JSON.stringify({ characters, arrivals })))
`

interface Read {
  readonly characters: number
  readonly arrivals: readonly number[]
}

async function readAll(url: string, times = false): Promise<Read> {
  const env = { ...process.env, READER_URL: url, READER_TIMES: times ? '1' : '' }
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const reader = spawn(process.execPath, ['--input-type=module', '--eval', READER], { env, stdio: [...stdio] })
  if (reader.stdout === null) throw new Error('the reader has no output')
  return JSON.parse(await text(reader.stdout)) as Read
}

const now = () => performance.timeOrigin + performance.now()

const orchestrator = new ScriptedOrchestrator()
const content = new Proxy({}, { get: () => () => undefined }) as Parameters<typeof createApi>[0]['content']
const api = await createApi(
  {
    orchestrator,
    content,
    peer: () => ({ ID: PEER_ID, Addresses: [] }),
    nodeInfo: () => nodeInfo,
    config: () => ({}),
    logger: silentLogger,
    clock: systemClock,
    random: systemRandom,
  },
  { host: '127.0.0.1', port: 0 },
)
const spec = { ...wasmJob } as unknown as Job
const { ID } = await orchestrator.submit({ spec: { ...spec, Namespace: 'default', Labels: {} }, warnings: [] })
const url = `ws://127.0.0.1:${api.port}/api/v1/orchestrator/jobs/${ID}/logs?follow=true`

const line = 'The quick brown fox jumps over the lazy dog; <&> "quoted" \u00e4\u00f6\u00fc.\n'
const bytes = Buffer.from(line.repeat(Math.ceil(CHUNK / line.length))).subarray(0, CHUNK)
const flood = async function* () {
  for (let sent = 0; sent < megabytes * 1e6; sent += bytes.length) yield { stream: 'stdout', bytes } as const
}

async function throughput(what: string): Promise<void> {
  const begin = performance.now()
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20)
  const before = process.memoryUsage().rss
  orchestrator.output = flood
  const { characters } = await readAll(url)
  if (characters === 0) throw new Error('nothing has been read')
  clearInterval(watch)
  const seconds = (performance.now() - begin) / 1_000
  fact(`${what}, ${megabytes} MB`, show(megabytes / seconds, 'MB/s'), 'over 50 MB/s')
  fact(`${what}, growth of memory`, show(Math.max(0, most - before) / 1e6, 'MB'), 'bounded')
}

await throughput('through the socket (first, cold)')
await throughput('through the socket')

const written: number[] = []
orchestrator.output = async function* () {
  for (let index = 0; index < LINES; index++) {
    await after(10)
    written.push(now())
    yield { stream: 'stdout', bytes: Buffer.from(`${index}\n`) }
  }
}
const { arrivals } = await readAll(url, true)
report(
  'a line, from written to read',
  summarise(arrivals.map((time, index) => time - (written[index] ?? 0))),
  'ms',
  'under 100 ms',
)

orchestrator.output = flood
const slow = new WebSocket(url)
await new Promise((resolve) => slow.once('open', resolve))
slow.pause()
await throughput('beside a reader that takes nothing')
slow.terminate()
await api.stop()
