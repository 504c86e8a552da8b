// The command as a process of its own: exit codes, signals, pipes.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { temporaryApi } from '../api/testing/api.ts'
import { executionOf } from '../api/testing/execution.ts'
import { temporaryFolder } from '../content/testing/temporary.ts'
import { VERSION } from '../runtime/version.ts'

const main = path.join(import.meta.dirname, 'main.ts')
const SPEC = '{"Type":"batch","Tasks":[{"Name":"main","Engine":{"Type":"noop"}}]}'

async function createWorld(context: TestContext) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const env = { PATH: process.env['PATH'], BACALHAU_API_PORT: String(api.port), BACALHAU_PATH: folder }
  return {
    ...api,
    folder,
    start: (...argv: string[]) => spawn(process.execPath, [main, ...argv], { env, cwd: folder }),
  }
}

async function ended(child: ChildProcess) {
  const [out, err]: [string[], string[]] = [[], []]
  child.stdout?.on('data', (text: Uint8Array) => out.push(Buffer.from(text).toString()))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => err.push(text))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, out: out.join(''), err: err.join('') }
}

/** Output that never ends, but leaves time for others. */
async function endless(): Promise<Uint8Array> {
  await setImmediate()
  return Buffer.alloc(65_536, 'x')
}

describe('the process', () => {
  test('prints, and ends with 0 or 1', async (context) => {
    const { start } = await createWorld(context)
    assert.deepEqual(await ended(start('--version')), { code: 0, signal: null, out: `${VERSION}\n`, err: '' })
    const failed = await ended(start('job', 'describe', 'nope'))
    assert.deepEqual([failed.code, failed.out], [1, ''])
    assert.equal(failed.err, 'Error: job not found: nope\n')
  })

  test('reads a spec from a pipe', async (context) => {
    const { start, orchestrator } = await createWorld(context)
    const child = start('run', '-', '--wait=false', '--id-only')
    child.stdin.end(SPEC)
    const { code, out } = await ended(child)
    assert.deepEqual([code, out], [0, 'j-00000001-0000-4000-8000-000000000000\n'])
    assert.equal(orchestrator.submissions.length, 1)
  })

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} while waiting ends with ${expected} and leaves the job alone`, async (context) => {
      const { start, orchestrator } = await createWorld(context)
      const child = start('run', '-')
      orchestrator.onWait = () => void child.kill(signal)
      child.stdin.end(SPEC)
      const { code, err } = await ended(child)
      assert.equal(code, expected, err)
      assert.match(err, /The job goes on\./)
      assert.deepEqual(orchestrator.stopped, [])
    })
  }

  test('SIGINT during any other request ends with 130', async (context) => {
    const { start, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = ({ ID }) => orchestrator.addExecution(executionOf(ID, 'e-1', 'Running'))
    const submit = start('run', '-', '--wait=false')
    submit.stdin.end(SPEC)
    await ended(submit)
    const child = start('job', 'logs', 'j-0', '--follow')
    orchestrator.output = async function* (signal) {
      yield { stream: 'stdout', bytes: Buffer.from('first\n') }
      child.kill('SIGINT')
      await once(signal, 'abort')
    }
    const { code, out, err } = await ended(child)
    assert.deepEqual([code, out, err], [130, 'first\n', 'Interrupted.\n'])
  })

  test('a reader that has seen enough is no error', async (context) => {
    const { start, orchestrator } = await createWorld(context)
    const submit = start('run', '-', '--wait=false')
    submit.stdin.end(SPEC)
    await ended(submit)
    orchestrator.output = async function* () {
      for (;;) yield { stream: 'stdout', bytes: await endless() }
    }
    const child = start('job', 'logs', 'j-0')
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, err } = await ended(child)
    assert.deepEqual([code, err], [0, ''])
  })
})
