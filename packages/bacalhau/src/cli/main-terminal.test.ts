// The command as a person has it: in a pseudo-terminal, and in a pipe, against a real API.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { temporaryApi } from '../api/testing/api.ts'
import { executionOf } from '../api/testing/execution.ts'
import { temporaryFolder } from '../content/testing/temporary.ts'
import { noTerminal, openTerminal } from './fixtures/pseudo-terminal.ts'
import { terminalPicture } from './fixtures/terminal-picture.ts'

const main = path.join(import.meta.dirname, 'main.ts')
const SPEC = '{"Type":"batch","Tasks":[{"Name":"main","Engine":{"Type":"noop"}}]}'
const NODE = 'QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u'
const REASON = '3 nodes match; all lack 64 GB of memory'

async function createWorld(context: TestContext) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  await writeFile(path.join(folder, 'job.json'), SPEC)
  const env = {
    BACALHAU_API_HOST: '127.0.0.1',
    BACALHAU_API_PORT: String(api.port),
    BACALHAU_PATH: path.join(folder, 'data'),
  }
  const submit = async () => (await api.client.jobs.submit(JSON.parse(SPEC) as object)).JobID
  return {
    ...api,
    folder,
    submit,
    terminal(columns: number, argv: readonly string[], more: Readonly<Record<string, string>> = {}) {
      const terminal = openTerminal([main, ...argv], { columns, env: { ...env, ...more }, cwd: folder })
      context.after(() => terminal.close())
      return terminal
    },
    async pipe(argv: readonly string[], more: Readonly<Record<string, string>> = {}) {
      const child = spawn(process.execPath, [main, ...argv], {
        cwd: folder,
        env: { PATH: process.env['PATH'], ...env, ...more },
      })
      const text = { out: '', err: '' }
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.out += chunk))
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.err += chunk))
      const [code] = (await once(child, 'close')) as [number]
      return { code, ...text }
    },
  }
}

type World = Awaited<ReturnType<typeof createWorld>>

/** A job that waits, runs and completes, each step when the last one was seen. */
const STEPS: readonly ((world: World, id: string) => void)[] = [
  ({ orchestrator }, id) => orchestrator.become(id, 'Queued', REASON),
  ({ orchestrator }, id) => {
    orchestrator.addExecution(executionOf(id, 'e-1', 'Running', { NodeID: NODE }))
    orchestrator.become(id, 'Running')
  },
  ({ orchestrator }, id) => orchestrator.become(id, 'Completed'),
]

/** The last picture that a person saw, as one line. */
const seen = (text: string, columns: number) => terminalPicture(text, columns).join('\n')
const FRAME = /^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] /m

describe('job run in a terminal', { skip: noTerminal, concurrency: true }, () => {
  for (const columns of [40, 60, 140]) {
    test(`shows the way of the job, ${columns} columns wide, and leaves the outcome`, async (context) => {
      const world = await createWorld(context)
      const terminal = world.terminal(columns, ['job', 'run', 'job.json'])
      const expected = [/queued \d\.\ds$/m, /queued \d\.\ds: 3 nodes/, /running \d\.\ds: on QmWATWQ7fV/]
      for (const [index, step] of STEPS.entries()) {
        await terminal.until((text) => expected[index]?.test(seen(text, columns)) === true)
        if (index === 1) {
          const lines = terminalPicture(terminal.text(), columns)
          const said = lines
            .slice(lines.findIndex((line) => FRAME.test(line)))
            .map((line) => line.slice(2))
            .join(' ')
          assert.ok(said.endsWith(REASON), said)
          for (const line of lines) assert.ok(line.length < columns || !FRAME.test(line), line)
        }
        step(world, 'j-00000001-0000-4000-8000-000000000000')
      }
      const { code, tidy } = await terminal.end
      assert.deepEqual([code, tidy], [0, true])
      assert.doesNotMatch(seen(terminal.text(), columns), FRAME)
    })
  }

  test('keeps to NO_COLOR, and moves nothing on a dumb terminal', async (context) => {
    for (const [env, forbidden] of [
      [{ NO_COLOR: '1' }, '\u001b[3'],
      [{ TERM: 'dumb' }, '\u001b'],
    ] as const) {
      const world = await createWorld(context)
      world.orchestrator.onSubmit = ({ ID }) => world.orchestrator.become(ID, 'Completed')
      const terminal = world.terminal(80, ['job', 'run', 'job.json'], env)
      assert.equal((await terminal.end).code, 0)
      assert.ok(!terminal.text().includes(forbidden), JSON.stringify(terminal.text()))
    }
  })

  test('Ctrl-C leaves the job alone and says how to follow it', async (context) => {
    const world = await createWorld(context)
    const terminal = world.terminal(80, ['job', 'run', 'job.json'])
    await terminal.until((text) => /queued \d/.test(text))
    terminal.type('\u0003')
    const { code, tidy } = await terminal.end
    assert.deepEqual([code, tidy], [130, true])
    const left = seen(terminal.text(), 80)
    assert.match(left, /The job goes on\.\n {2}bacalhau job logs --follow j-00000001 +watch its output\n/)
    assert.doesNotMatch(left, FRAME)
    assert.deepEqual(world.orchestrator.stopped, [])
  })
})

test('job run in a pipe says each step in a line, without control characters', async (context) => {
  const world = await createWorld(context)
  let step = 0
  // Each time that the command waits for a change, one happens.
  world.orchestrator.onWait = () => {
    const id = 'j-00000001-0000-4000-8000-000000000000'
    setImmediate(() => STEPS[step++]?.(world, id))
  }
  const { code, out, err } = await world.pipe(['job', 'run', 'job.json'])
  assert.equal(code, 0, err)
  const lines = err.split('\n').filter((line) => /^(?:queued|waiting|running|completed)/.test(line))
  assert.deepEqual(lines, ['queued', `waiting for a node: ${REASON}`, 'running on QmWATWQ7fV', 'completed'])
  assert.ok(!`${out}${err}`.includes('\u001b'))
})

describe('job top in a terminal', { skip: noTerminal, concurrency: true }, () => {
  const isShown = (columns: number, rows: number) => (text: string) => {
    const lines = terminalPicture(text.slice(text.lastIndexOf('\u001b[H')), columns, rows)
    return lines[2]?.startsWith('JOB') === true && lines.length >= 4
  }

  for (const [what, key] of [
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ] as const) {
    test(`fills it, follows its size, and gives it back after ${what}`, async (context) => {
      const world = await createWorld(context)
      await world.submit()
      const terminal = world.terminal(100, ['job', 'top', '--interval', '3600', '--no-color'])
      await terminal.until(isShown(100, 24))
      assert.ok(terminal.text().startsWith('\u001b[?1049h\u001b[?25l'))
      assert.match(terminal.text(), /JOB +NAME +TYPE +STATE/)
      const before = terminal.text().length
      terminal.resize(30, 10)
      await terminal.until((text) => isShown(30, 10)(text.slice(before)))
      assert.match(terminal.text().slice(before), /JOB +STATE/)
      assert.doesNotMatch(terminal.text().slice(before), /NAME/)
      terminal.type(key)
      const { code, tidy } = await terminal.end
      assert.deepEqual([code, tidy], [0, true])
      assert.ok(terminal.text().endsWith('\u001b[?25h\u001b[?1049l'))
    })
  }

  test('gives it back when the node is not there', async (context) => {
    const world = await createWorld(context)
    await world.stop()
    const terminal = world.terminal(80, ['node', 'top'])
    const { code, tidy } = await terminal.end
    assert.deepEqual([code, tidy], [1, true])
    assert.match(seen(terminal.text(), 80), /^Error: .*not reachable/m)
  })
})

test('job top and node top in a pipe write picture after picture', async (context) => {
  const world = await createWorld(context)
  await world.submit()
  const jobs = await world.pipe(['job', 'top', '--frames', '2', '--interval', '1'])
  assert.deepEqual([jobs.code, jobs.err], [0, ''])
  assert.equal(jobs.out.match(/^\d\d:\d\d:\d\d UTC: 0 running, 1 waiting, 0 completed, 0 failed$/gm)?.length, 2)
  const nodes = await world.pipe(['node', 'top', '--frames', '1'])
  assert.match(nodes.out, /^\d\d:\d\d:\d\d UTC: 0 nodes; 0 running, 0 waiting there\nNo nodes yet\.\n$/)
})

/** A way to the node on which each connection that carries output breaks after so many bytes, for a while. */
async function roughRoad(context: TestContext, port: number, breaks: number) {
  let left = breaks
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    let [passed, carries] = [0, false]
    const end = (...sockets: Socket[]) => sockets.forEach((socket) => socket.destroy())
    near.on('data', (data) => {
      carries ||= data.includes('Upgrade: websocket') || data.includes('upgrade: websocket')
      far.write(data)
    })
    far.on('data', (data: Buffer) => {
      passed += data.length
      if (carries && left > 0 && passed > 20_000) {
        left -= 1
        // Half of what came is delivered, so that it breaks in the middle of something.
        near.write(data.subarray(0, data.length / 2), () => end(near, far))
      } else near.write(data)
    })
    near.on('close', () => end(far)).on('error', () => end(far))
    far.on('close', () => near.end()).on('error', () => end(near))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, left: () => left }
}

test('job logs --follow over connections that break loses and repeats nothing', async (context) => {
  const world = await createWorld(context)
  const id = await world.submit()
  world.orchestrator.addExecution(executionOf(id, 'e-1', 'Running', { NodeID: NODE }))
  world.orchestrator.become(id, 'Running')
  const lines = Array.from({ length: 3_000 }, (_, index) => `line ${index} of a job that says a lot: grüße 日本\n`)
  world.orchestrator.output = async function* () {
    for (const [index, line] of lines.entries()) {
      yield { stream: index % 7 === 0 ? 'stderr' : 'stdout', bytes: Buffer.from(line) }
    }
  }
  // Who follows is told the end of the job when the output has come.
  world.orchestrator.onWait = () => void setImmediate(() => world.orchestrator.become(id, 'Completed'))
  const road = await roughRoad(context, world.port, 3)
  const { code, out, err } = await world.pipe(['job', 'logs', '--follow', id], { BACALHAU_API_PORT: String(road.port) })
  assert.equal(code, 0, err)
  assert.equal(road.left(), 0, 'no connection broke')
  const whole = (wanted: boolean) => lines.filter((_, index) => (index % 7 === 0) === wanted).join('')
  assert.equal(out, whole(false))
  const notes =
    /^\n?(?:The output broke off \(.*\); trying again\.|Connected again; the output goes on where it stopped\.)\n/gm
  // A connection that breaks before anything new has come is part of the same trouble.
  assert.ok([2, 4, 6].includes(err.match(notes)?.length ?? 0), err.slice(0, 500))
  assert.equal(err.replaceAll(notes, ''), whole(true))
})
