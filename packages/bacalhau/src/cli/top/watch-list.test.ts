import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Job } from '@bacalhau/models'
import { temporaryApi } from '../../api/testing/api.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { terminalPicture } from '../fixtures/terminal-picture.ts'
import { Interruption } from '../interruption.ts'
import { runProgram } from '../program.ts'

async function createWorld(context: TestContext, terminal?: number) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const env = {
    BACALHAU_API_HOST: '127.0.0.1',
    BACALHAU_API_PORT: String(api.port),
    BACALHAU_PATH: folder,
    NO_COLOR: '1',
  }
  const io = recordedIo({ env, cwd: folder, inputIsTerminal: true, ...(terminal === undefined ? {} : { terminal }) })
  const submit = (Name: string) =>
    api.client.jobs.submit({ Name, Type: 'batch', Tasks: [{ Name: 'main', Engine: { Type: 'noop' } }] })
  /** Runs the command; `steps` are taken one after the other, each when something was written. */
  const watch = async (argv: string[], steps: (() => Promise<unknown> | void)[]) => {
    const controller = new AbortController()
    const write = io.out.write.bind(io.out)
    io.out.write = async (text) => {
      await write(text)
      const step = steps.shift()
      if (step === undefined) controller.abort(new Interruption('SIGINT'))
      // The command goes on meanwhile, as it does when somebody else submits a job.
      else setImmediate(() => void step())
    }
    return runProgram(['job', 'list', '--watch', ...argv], io, controller.signal)
  }
  return { ...api, io, submit, watch }
}

describe('a list of jobs that is watched', () => {
  test('prints a document for each job, and for each change', async (context) => {
    const { io, submit, watch, orchestrator } = await createWorld(context)
    const { JobID } = await submit('first')
    const code = await watch(
      ['--output', 'json'],
      [() => submit('second'), () => orchestrator.become(JobID, 'Queued', 'no node')],
    )
    assert.equal(code, 130)
    const documents = io
      .outText()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Job)
    assert.deepEqual(
      documents.map(({ Name, State }) => [Name, State.StateType]),
      [
        ['first', 'Pending'],
        ['second', 'Pending'],
        ['first', 'Queued'],
      ],
    )
  })

  test('prints lines that stand below each other, under one header', async (context) => {
    const { io, submit, watch, orchestrator } = await createWorld(context)
    const { JobID } = await submit('first')
    const steps = [() => {}, () => orchestrator.become(JobID, 'Running')]
    assert.equal(await watch([], steps), 130)
    const [header = '', ...lines] = io.outText().trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => line.slice(header.indexOf('STATE'))),
      ['Pending', 'Running'],
    )
  })

  test('is the whole screen of a terminal, and ends with q', async (context) => {
    const { io, submit } = await createWorld(context, 50)
    await submit('a-name-that-is-too-long-for-a-terminal-of-50-columns')
    const write = io.out.write.bind(io.out)
    let picture: string[] = []
    io.out.write = async (text) => {
      await write(text)
      if (!io.outText().includes('STATE') && !io.outText().includes('…')) return
      if (picture.length === 0) picture = terminalPicture(io.outText(), 50)
      setImmediate(() => io.press('q'))
    }
    assert.equal(await runProgram(['job', 'list', '--watch'], io, new AbortController().signal), 0)
    assert.match(picture[0] ?? '', /^1 job +\d\d:\d\d:\d\d UTC, q quits$/)
    assert.match(picture[2] ?? '', /^CREATED +ID +NAME/)
    for (const line of picture) assert.ok(line.length <= 50, line)
    assert.deepEqual(terminalPicture(io.outText(), 50), [''])
  })
})
