// What open event streams cost a node that has nothing to say, and how soon all of them hear of a change.
// `--streams <count>` sets how many there are (2000). Linux only: reads /proc.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { createWorld } from '../packages/bacalhau/test/program.ts'
import { cpuSeconds, residentMegabytes } from './process.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({ options: { streams: { type: 'string', default: '2000' } } })
const count = Number(values.streams)
/** Rounds in which a job changes and everybody is told. */
const ROUNDS = 10
const IDLE_SECONDS = 20

const world = await createWorld()
try {
  const node = await world.node('streams')
  const pid = node.child.pid ?? 0
  const url = new URL(node.apiUrl)
  // One stream and one job have everything compiled and loaded that the others use.
  const first = await open(url)
  await submit()
  await first.heard()
  await pause(5_000)
  const before = await residentMegabytes(pid)
  const streams: Stream[] = []
  while (streams.length < count) {
    const some = Array.from({ length: Math.min(100, count - streams.length) }, () => open(url))
    streams.push(...(await Promise.all(some)))
  }
  const busy = await cpuSeconds(pid)
  await pause(IDLE_SECONDS * 1_000)
  const share = (((await cpuSeconds(pid)) - busy) / IDLE_SECONDS) * 100
  report(`memory of ${count} idle streams`, single((await residentMegabytes(pid)) - before), 'MB', 'under 150 MB')
  report(`idle CPU with ${count} streams`, single(share), '% of a core', '-')
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const heard = Promise.all(streams.map((stream) => stream.heard()))
    const begin = performance.now()
    await submit()
    await heard
    times.push(performance.now() - begin)
    await pause(1_000)
  }
  report(`submission to the first event at the last of ${count} streams`, summarise(times), 'ms', '-')
  report(`the same streams afterwards`, single((await residentMegabytes(pid)) - before), 'MB', 'under 150 MB')
  for (const stream of [first, ...streams]) stream.close()
  await node.stop()

  async function submit(): Promise<void> {
    const task = { Name: 'main', Engine: { Type: 'noop' } }
    const body = JSON.stringify({ Job: { Type: 'batch', Count: 1, Tasks: [task] } })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${node.apiUrl}/api/v1/orchestrator/jobs`, { method: 'PUT', headers, body })
    if (!answer.ok) throw new Error(await answer.text())
  }
} finally {
  await world.end()
}

interface Stream {
  /** Resolves with the next event of a job. */
  heard(): Promise<void>
  close(): void
}

/** An event stream over as little as will do: the client shares the machine with what it measures. */
async function open({ hostname, port, host }: URL): Promise<Stream> {
  const socket: Socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let wake: () => void = () => undefined
  const ready = new Promise<void>((resolve, reject) => {
    let begun = false
    socket.setEncoding('latin1').on('data', (text: string) => {
      if (!begun && !text.startsWith('HTTP/1.1 200')) reject(new Error(text))
      begun = true
      if (text.includes('event: ready')) resolve()
      if (text.includes('event: job')) wake()
    })
    socket.on('error', reject)
  })
  socket.write(`GET /api/v1/orchestrator/events HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await ready
  return {
    heard: () => new Promise((resolve) => (wake = resolve)),
    close: () => socket.destroy(),
  }
}

function single(value: number) {
  return summarise([value])
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
