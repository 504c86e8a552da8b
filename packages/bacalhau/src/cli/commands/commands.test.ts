// Commands against a real API with real content, whose orchestrator does what the test says.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { type Execution, EXECUTION_STATES, type ExecutionStateName, type Job, type NodeState } from '@bacalhau/models'
import { nodeInfo, temporaryApi } from '../../api/testing/api.ts'
import { executionOf } from '../../api/testing/execution.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { Interruption } from '../interruption.ts'
import { runProgram } from '../program.ts'

/** A node, a folder to work in, and the program pointed at both. */
async function createWorld(context: TestContext) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const env = {
    BACALHAU_API_HOST: '127.0.0.1',
    BACALHAU_API_PORT: String(api.port),
    BACALHAU_PATH: path.join(folder, 'data'),
  }
  const run = async (
    argv: string[],
    { input = '', terminal, signal = new AbortController().signal }: RunOptions = {},
  ) => {
    const io = recordedIo({ input, env, cwd: folder, ...(terminal === undefined ? {} : { terminal }) })
    const code = await runProgram(argv, io, signal)
    return { code, out: io.outText(), err: io.errText() }
  }
  return { ...api, folder, run, at: (...parts: string[]) => path.join(folder, ...parts) }
}

interface RunOptions {
  readonly input?: string
  readonly terminal?: number
  readonly signal?: AbortSignal
}

const output = (Stdout: string, ExitCode = 0) => ({
  RunOutput: { Stdout, StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode, ErrorMsg: '' },
})
const published = (CID: string) => ({ PublishedResult: { Type: 'ipfs', Params: { CID } } })

const SPEC = 'Type: batch\nTasks: [{Name: main, Engine: {Type: noop}, Publisher: {Type: ipfs}}]\n'

describe('data', () => {
  test('what is added is listed, fetched and forgotten', async (context) => {
    const { run, at } = await createWorld(context)
    await mkdir(at('src/sub'), { recursive: true })
    await writeFile(at('src/a.txt'), 'hello\n')
    await writeFile(at('src/sub/b'), 'x'.repeat(2_000_000))
    const added = await run(['data', 'add', 'src'])
    assert.deepEqual([added.code, added.err], [0, 'Added 2 files, 2 MB.\n'])
    const cid = added.out.trim()
    assert.match(cid, /^Qm[1-9A-Za-z]{44}$/)

    const listed = await run(['data', 'ls', `ipfs://${cid}`])
    assert.match(listed.out, /^CID +SIZE {2}NAME\nQm\w+ {2,}6 B {2}a\.txt\nQm\w+ +sub\/\n$/)
    assert.equal((await run(['data', 'ls', cid, '--output', 'json'])).out.startsWith('[{'), true)

    const got = await run(['data', 'get', `/ipfs/${cid}`, 'copy'])
    assert.deepEqual(got, { code: 0, out: `${at('copy')}\n`, err: '' })
    assert.equal(await readFile(at('copy/a.txt'), 'utf8'), 'hello\n')
    assert.equal((await readFile(at('copy/sub/b'))).length, 2_000_000)
    assert.equal((await run(['data', 'get', cid, 'copy'])).code, 0)
    assert.deepEqual((await run(['data', 'get', `${cid}/a.txt`])).out, `${at('a.txt')}\n`)

    assert.match((await run(['data', 'pins'])).out, new RegExp(`^${cid}$`, 'm'))
    assert.equal((await run(['data', 'unpin', cid])).code, 0)
    assert.doesNotMatch((await run(['data', 'pins'])).out, new RegExp(cid))
    assert.match((await run(['data', 'gc'])).out, /^Freed [1-9][\d.]* kB in \d+ blocks\.\n$/)
  })

  test('a file has the CID of `ipfs add`, in both versions and in a folder', async (context) => {
    const { run, at } = await createWorld(context)
    await writeFile(at('hello'), 'hello world\n')
    const cidOf = async (...flags: string[]) => (await run(['data', 'add', 'hello', ...flags])).out.trim()
    assert.equal(await cidOf(), 'QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o')
    assert.match(await cidOf('--cid-version', '1'), /^bafkrei/)
    const wrapped = await cidOf('--wrap')
    assert.match((await run(['data', 'ls', wrapped])).out, /QmT78z\w+ +12 B {2}hello\n$/)
  })

  test('mistakes are told, and leave nothing behind', async (context) => {
    const { run, at, folder } = await createWorld(context)
    const missing = await run(['data', 'add', 'nope'])
    assert.deepEqual([missing.code, missing.err], [1, `Error: ${at('nope')} does not exist\n`])
    const wrong = await run(['data', 'get', 'Qm-wrong'])
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /^Error: .*Qm-wrong.*\nHint: .*Qm…/)
    const before = await readdir(folder)
    await writeFile(at('mine'), 'mine')
    const cid = (await run(['data', 'add', 'mine'])).out.trim()
    await writeFile(at('other'), 'other')
    const conflict = await run(['data', 'get', cid, 'other'])
    assert.match(conflict.err, /^Error: .*other exists already and is different\nHint: .*Nothing was changed/)
    assert.equal(await readFile(at('other'), 'utf8'), 'other')
    assert.deepEqual((await readdir(folder)).toSorted(), [...before, 'mine', 'other'].toSorted())
  })
})

describe('run', () => {
  type World = Awaited<ReturnType<typeof createWorld>>

  /** Lets each submitted job run through these states at once, as soon as somebody waits for it. */
  function play(
    { orchestrator }: World,
    states: readonly ExecutionStateName[],
    end: Job['State']['StateType'],
    change: Partial<Execution>,
  ): void {
    orchestrator.onSubmit = ({ ID }) => {
      const remaining = [...states]
      const execution = executionOf(ID, 'e-1', 'New', change)
      orchestrator.onWait = () => {
        const next = remaining.shift()
        if (next === undefined)
          return orchestrator.become(ID, end, end === 'Failed' ? 'it broke' : '', { Hint: 'Mend it.' })
        if (next === states[0]) orchestrator.addExecution(execution)
        execution.ComputeState = { StateType: EXECUTION_STATES[next] }
        orchestrator.become(ID, 'Running')
      }
    }
  }
  const STATES = ['BidAccepted', 'Running', 'Publishing', 'Completed'] as const

  test('tells each step, the result, and what to do next', async (context) => {
    const world = await createWorld(context)
    play(world, STATES, 'Completed', { ...published('QmResult'), ...output('hello\n') })
    const { code, out, err } = await world.run(['run', '-'], { input: SPEC })
    assert.equal(code, 0)
    assert.equal(
      err,
      `queued
placed on node, preparing inputs
running on node
publishing results from node
finishing
completed
`,
    )
    const id = 'j-00000001-0000-4000-8000-000000000000'
    assert.match(
      out,
      new RegExp(`^Job successfully submitted\\. Job ID: ${id}\nChecking job status\\.\\.\\. \\(Enter Ctrl\\+C`),
    )
    assert.match(out, /^Job j-00000001 completed after /m)
    assert.match(out, /^ {2}Result {5}QmResult$/m)
    assert.match(out, /^Standard output\nhello$/m)
    assert.match(out, new RegExp(`\nTo download the results, execute:\n\tbacalhau job get ${id}\n$`))
  })

  test('a job that fails ends with exit code 1, its reason and its hint', async (context) => {
    const world = await createWorld(context)
    play(world, ['Running', 'Failed'], 'Failed', output('', 7))
    const { code, out, err } = await world.run(['run', '-'], { input: SPEC })
    assert.equal(code, 1)
    assert.match(out, /^ {2}Exit code {2}7$/m)
    assert.match(err, /\nError: job j-00000001 failed: it broke\nHint: {2}Mend it\.\n$/)
  })

  test('--id-only prints nothing else, --wait=false returns at once', async (context) => {
    const world = await createWorld(context)
    const argv = ['run', '-', '--id-only']
    const submitted = await world.run([...argv, '--wait=false'], { input: SPEC })
    assert.deepEqual(submitted, { code: 0, out: 'j-00000001-0000-4000-8000-000000000000\n', err: '' })
    play(world, STATES, 'Completed', published('QmResult'))
    const waited = await world.run(argv, { input: SPEC })
    assert.deepEqual(waited, { code: 0, out: 'j-00000002-0000-4000-8000-000000000000\n', err: '' })
    const told = await world.run(['run', '-', '--wait=false'], { input: SPEC })
    assert.match(
      told.out,
      /^Job successfully submitted\. Job ID: (j-\S+)\n\nTo get more .*\n\tbacalhau job describe \1\n$/,
    )
  })

  test('--output json prints the job and its executions, and nothing else to standard output', async (context) => {
    const world = await createWorld(context)
    play(world, STATES, 'Completed', published('QmResult'))
    const { out } = await world.run(['run', '-', '--output', 'json'], { input: SPEC })
    const { Job, Executions } = JSON.parse(out) as { Job: Job; Executions: Execution[] }
    assert.deepEqual([Job.State.StateType, Executions.length], ['Completed', 1])
  })

  test('--follow prints the output instead of progress', async (context) => {
    const world = await createWorld(context)
    play(world, ['Running', 'Completed'], 'Completed', output('not this'))
    world.orchestrator.output = async function* () {
      yield { stream: 'stdout', bytes: Buffer.from('one\n') }
      yield { stream: 'stderr', bytes: Buffer.from('two\n') }
    }
    const { code, out, err } = await world.run(['run', '-', '--follow'], { input: SPEC })
    assert.equal(code, 0)
    assert.match(out, /^one\nJob j-/)
    assert.doesNotMatch(out, /not this/)
    assert.match(err, /two\n/)
    assert.equal(world.orchestrator.logQueries[0]?.executionId, 'e-1')
  })

  test('local inputs are uploaded, and the job names their CIDs', async (context) => {
    const world = await createWorld(context)
    await mkdir(world.at('in'))
    await writeFile(world.at('in/x'), '1')
    await writeFile(world.at('app.wasm'), 'module')
    await world.run(['wasm', 'run', 'app.wasm', '-i', './in:/inputs', '--wait=false'])
    const [task] = world.orchestrator.submissions[0]?.spec.Tasks ?? []
    const sources = task?.InputSources.map(({ Source, Target }) => [Source.Type, Target])
    assert.deepEqual(sources, [
      ['ipfs', '/wasm/entry.wasm'],
      ['ipfs', '/inputs'],
    ])
    const cid = String(task?.InputSources[1]?.Source.Params?.['CID'])
    assert.match((await world.run(['data', 'ls', cid])).out, / 1 B {2}x\n$/)
  })

  test('--download fetches the results', async (context) => {
    const world = await createWorld(context)
    await mkdir(world.at('result'))
    await writeFile(world.at('result/stdout'), 'hi')
    const cid = (await world.run(['data', 'add', 'result'])).out.trim()
    play(world, STATES, 'Completed', published(cid))
    const { code, err } = await world.run(['run', '-', '--download', 'here'], { input: SPEC })
    assert.equal(code, 0, err)
    assert.equal(await readFile(world.at('here/stdout'), 'utf8'), 'hi')
  })

  test('Ctrl-C stops waiting, not the job', async (context) => {
    const world = await createWorld(context)
    const controller = new AbortController()
    world.orchestrator.onWait = () => controller.abort(new Interruption('SIGINT'))
    const { code, err } = await world.run(['run', '-'], { input: SPEC, signal: controller.signal })
    assert.equal(code, 130)
    assert.match(
      err,
      /The job goes on\.\n.*\n {2}bacalhau job describe j-00000001 .*\n {2}bacalhau job stop j-00000001 /,
    )
    assert.deepEqual(world.orchestrator.stopped, [])
  })

  test('--dry-run submits nothing', async (context) => {
    const world = await createWorld(context)
    const yaml = await world.run(['run', '-', '--dry-run'], { input: SPEC })
    assert.match(yaml.out, /^Name: ""\nNamespace: default\nType: batch\n/)
    const json = await world.run(['wasm', 'run', 'a.wasm', '--dry-run', '--output', 'json', '--pretty'])
    assert.equal((JSON.parse(json.out) as Job).Tasks[0]?.Engine.Type, 'wasm')
    assert.deepEqual(world.orchestrator.submissions, [])
  })

  test('a spec that is wrong is refused before anything is sent', async (context) => {
    const world = await createWorld(context)
    const { code, err } = await world.run(['run', '-'], { input: 'Type: batch\nTaks: []\n' })
    assert.equal(code, 1)
    assert.match(err, /line 2: unknown field 'Taks' \(did you mean 'Tasks'\?\)/)
    assert.match((await world.run(['wasm', 'run', 'a', '--memory', 'much'])).err, /Memory: invalid memory value: much/)
    assert.deepEqual(world.orchestrator.submissions, [])
  })
})

describe('versions of a job', () => {
  const spec = (count: number) =>
    JSON.stringify({ Name: 'again', Type: 'batch', Count: count, Tasks: [{ Name: 'm', Engine: { Type: 'noop' } }] })

  test('come from specs with its name, and from running it again', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    const submit = (count: number, ...flags: string[]) =>
      run(['job', 'run', '-', '--wait=false', '--id-only', ...flags], { input: spec(count) })
    await submit(1)
    const same = await submit(1)
    assert.deepEqual([same.code, same.err.split('\n')[0]], [1, 'Error: no changes detected'])
    assert.equal((await submit(1, '--force')).code, 0)
    assert.deepEqual(orchestrator.forced, [false, false, true])
    assert.equal((await submit(3)).code, 0)
    const again = await run(['job', 'rerun', 'again', '--version', '1', '--wait=false', '--id-only'])
    assert.deepEqual(again, { code: 0, out: 'j-00000001-0000-4000-8000-000000000000\n', err: '' })
    const { out } = await run(['job', 'versions', 'again', '--output', 'json'])
    assert.deepEqual(
      (JSON.parse(out) as Job[]).map(({ Version, Count }) => [Version, Count]),
      [
        [1, 1],
        [2, 1],
        [3, 3],
        [4, 1],
      ],
    )
    assert.match(
      (await run(['job', 'versions', 'again'])).out,
      /^CREATED AT +JOB VERSION {2}STATE\n.*:00 +1 +Pending\n.* 2 /,
    )
    assert.match((await run(['job', 'describe', 'again', '-v', '3'])).out, /^Count += 3$/m)
    assert.match((await run(['job', 'describe', 'again'])).out, /^Version += 4$/m)
    const unknown = await run(['job', 'describe', 'again', '-v', '9'])
    assert.deepEqual([unknown.code, /no version 9/.test(unknown.err)], [1, true])
  })

  test('are waited for like new jobs', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run(['run', '-', '--wait=false'], { input: spec(1) })
    orchestrator.onWait = () => orchestrator.become('again', 'Completed')
    const { code, out, err } = await run(['job', 'rerun', 'again'])
    assert.equal(code, 0, err)
    assert.match(out, /^Job j-00000001 completed\.\n/m)
  })

  test('are compared before they are made', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run(['run', '-', '--wait=false'], { input: spec(1) })
    const diff = (count: number, ...flags: string[]) => run(['job', 'diff', '-', ...flags], { input: spec(count) })
    assert.deepEqual(await diff(1), { code: 0, out: 'Nothing would change.\n', err: '' })
    assert.deepEqual(await diff(2), { code: 0, out: '- Count: 1\n+ Count: 2\n', err: '' })
    assert.deepEqual(JSON.parse((await diff(2, '--output', 'json')).out), {
      Diff: '- Count: 1\n+ Count: 2',
      Warnings: null,
    })
    assert.equal(orchestrator.submissions.length, 1)
  })

  test('have executions and events of their own', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run(['run', '-', '--wait=false'], { input: spec(1) })
    const ID = 'j-00000001-0000-4000-8000-000000000000'
    orchestrator.addExecution(executionOf(ID, 'e-old', 'Completed'))
    await run(['job', 'rerun', 'again', '--wait=false'])
    orchestrator.addExecution(executionOf(ID, 'e-new', 'Running', { JobVersion: 2 }))
    const shows = async (...argv: string[]) => (await run(['job', ...argv, 'again'])).out
    const executions = async (...flags: string[]) => (await shows('executions', ...flags)).match(/e-\w+/g)
    assert.deepEqual(await executions(), ['e-new'])
    assert.deepEqual(await executions('--version', '1'), ['e-old'])
    assert.deepEqual(await executions('--all-versions'), ['e-old', 'e-new'])
    assert.doesNotMatch(await shows('history'), /Job submitted/)
    assert.match(await shows('history', '--all-versions'), /Job submitted[^]*Job updated/)
    assert.match(await shows('history', '--version', '1'), /Job submitted/)
  })
})

describe('jobs with many executions', () => {
  test('are described by their progress and the first of them', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = ({ ID }) => {
      for (let index = 0; index < 120; index++) orchestrator.addExecution(executionOf(ID, `e-${index}`, 'Running'))
      orchestrator.become(
        ID,
        'Running',
        '7 of 100000 done, 113 placed, 99880 waiting (1 node matches; it lacks 1 core)',
      )
      orchestrator.event(ID, 'Requested execution', 'e-0')
    }
    const input = 'Type: batch\nCount: 100000\nTasks: [{Name: main, Engine: {Type: noop}}]\n'
    await run(['run', '-', '--wait=false'], { input })
    const { out, err } = await run(['job', 'describe', 'j-0'])
    assert.match(out, /^Message += .*7 of 100000 done, 113 placed, 99880 waiting \(1 node matches; it lacks 1 core\)$/m)
    assert.match(out, /^Count += 100000$/m)
    assert.equal(out.match(/^e-\d+ /gm)?.length, 50)
    assert.doesNotMatch(out, /Requested execution/)
    assert.match(err, /^There are more executions: bacalhau job executions j-00000001 --next-token 50\n$/)
    const page = await run(['job', 'executions', 'j-0', '--limit', '100', '--next-token', '50'])
    assert.equal(page.out.match(/ e-\d+ /g)?.length, 70)
    assert.equal(page.err, '')
    const first = await run(['job', 'executions', 'j-0'])
    assert.equal(first.out.match(/ e-\d+ /g)?.length, 20)
    assert.equal(first.err, 'To fetch more records use:\n\tbacalhau job executions j-00000001 --next-token 20\n')
  })

  test('say while they are waited for how far they are, on a terminal', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    const steps = [
      () => orchestrator.become('j-0', 'Running', '1 of 2 done, 1 placed'),
      () => orchestrator.become('j-0', 'Completed'),
    ]
    orchestrator.onWait = () => steps.shift()?.()
    const input = 'Type: batch\nCount: 2\nTasks: [{Name: main, Engine: {Type: noop}}]\n'
    const { err } = await run(['run', '-'], { input })
    assert.match(err, /^queued\nrunning\ncompleted\n$/)
    steps.push(
      () => orchestrator.become('j-00000002', 'Running', '1 of 2 done, 1 placed'),
      () => orchestrator.become('j-00000002', 'Completed'),
    )
    assert.match((await run(['run', '-'], { input, terminal: 80 })).err, /1 of 2 done, 1 placed/)
  })
})

describe('jobs that never end', () => {
  test('are waited for until they run', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    const input = 'Type: service\nTasks: [{Name: main, Engine: {Type: noop}}]\n'
    orchestrator.onWait = () => orchestrator.become('j-0', 'Running')
    const { code, out } = await run(['run', '-'], { input })
    assert.equal(code, 0)
    assert.match(out, /^Job j-00000001 is running\.\n[^]*\tbacalhau job stop j-00000001-/m)
  })
})

describe('jobs', () => {
  test('are listed, newest first, with how to go on', async (context) => {
    const { run } = await createWorld(context)
    assert.equal((await run(['job', 'list'])).out, 'No jobs yet. Run one: bacalhau job run job.yaml\n')
    for (const name of ['first', 'se\u001b[2Jcond', 'third']) {
      const argv = ['run', '-', '--wait=false', '--id-only']
      await run(argv, {
        input: JSON.stringify({ Name: name, Type: 'batch', Tasks: [{ Name: 'm', Engine: { Type: 'noop' } }] }),
      })
    }
    const { out, err } = await run(['list', '--limit', '2'])
    const lines = out.split('\n')
    assert.match(lines[0] ?? '', /^CREATED +ID +NAME +JOB +TYPE +STATE$/)
    assert.match(lines[1] ?? '', / j-00000003 {2}third +noop +batch +Pending$/)
    assert.match(lines[2] ?? '', / j-00000002 {2}se\[2Jcond {2}noop +batch +Pending$/)
    assert.equal(err, 'To fetch more records use:\n\tbacalhau job list --next-token 2 --limit 2\n')
    const all = await run(['job', 'list', '--oldest', '--output', 'json'])
    assert.deepEqual(
      (JSON.parse(all.out) as Job[]).map(({ Name }) => Name),
      ['first', 'se\u001b[2Jcond', 'third'],
    )
    assert.match((await run(['job', 'list', '--output', 'yaml'])).out, /^- .*\n/)
  })

  test('are described in full', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = ({ ID }) => {
      orchestrator.addExecution(
        executionOf(ID, 'e-12345678-9', 'Completed', { ...published('QmResult'), ...output('hi\u0007\n', 3) }),
      )
      orchestrator.become(ID, 'Completed', 'well\u001b[31m done')
    }
    await run(['run', '-', '--wait=false'], { input: SPEC })
    const { out } = await run(['job', 'describe', 'j-00000001'])
    for (const line of [
      /^ID += j-00000001-0000-4000-8000-000000000000$/m,
      /^State += Completed$/m,
      /^Message += well\[31m done$/m,
      /^Publisher += ipfs$/m,
      /^Summary\nCompleted = 1$/m,
      /^e-12345678 {2}node {5}Completed {2}Running {2}1 +.* ago +.* ago +3 +QmResult$/m,
      /^2023-11-14 22:13:20 {2}Test {3}Job submitted$/m,
      /^Standard Output\nhi\n$/m,
    ]) {
      assert.match(out, line)
    }
    const json = JSON.parse((await run(['job', 'describe', 'j-0', '--output', 'json'])).out) as object
    assert.deepEqual(Object.keys(json), ['Job', 'History', 'Executions'])
    assert.match((await run(['job', 'executions', 'j-0', '--wide'])).out, /QmResult/)
    assert.match((await run(['job', 'history', 'j-0'])).out, /Job submitted/)
    assert.match(
      (await run(['job', 'history', 'j-0', '--limit', '1'])).err,
      /^To fetch more records use:\n\tbacalhau job history j-00000001 --next-token \S+ --limit 1\n$/,
    )
    assert.equal((await run(['job', 'history', 'j-0', '--execution-id', 'e-none'])).out, 'No such events yet.\n')
  })

  test('that do not exist are errors', async (context) => {
    const { run } = await createWorld(context)
    for (const command of ['describe', 'logs', 'get', 'stop', 'executions', 'history', 'rerun', 'versions']) {
      const { code, err } = await run(['job', command, 'j-nope'])
      assert.deepEqual([code, err.split('\n')[0]], [1, 'Error: job not found: j-nope'], command)
    }
  })

  test('are stopped with a reason', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run(['run', '-', '--wait=false'], { input: SPEC })
    assert.deepEqual(await run(['job', 'stop', 'j-0', '--reason', 'enough', '--quiet']), {
      code: 0,
      out: '',
      err: '',
    })
    assert.deepEqual(orchestrator.stopped, [{ id: 'j-00000001-0000-4000-8000-000000000000', reason: 'enough' }])
  })

  test('print their output, following it if wanted', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = ({ ID }) => {
      orchestrator.addExecution(executionOf(ID, 'e-1', 'Completed'))
      orchestrator.become(ID, 'Completed')
    }
    await run(['run', '-', '--wait=false'], { input: SPEC })
    orchestrator.output = async function* () {
      yield { stream: 'stdout', bytes: Buffer.from('out \u001b[1m\n') }
      yield { stream: 'stderr', bytes: Buffer.from('err\n') }
    }
    assert.deepEqual(await run(['job', 'logs', 'j-0', '-f']), { code: 0, out: 'out \u001b[1m\n', err: 'err\n' })
    assert.deepEqual(orchestrator.logQueries[0], { follow: true, tail: false, executionId: 'e-1' })
    const onTerminal = await run(['logs', 'j-0', '-e', 'e-1'], { terminal: 80 })
    assert.deepEqual([onTerminal.out, onTerminal.err], ['out [1m\n', 'err\n'])
    assert.deepEqual(orchestrator.logQueries[1], { follow: false, tail: false, executionId: 'e-1' })
    await run(['logs', 'j-0', '-v', '1'])
    assert.equal(orchestrator.logQueries[2]?.executionId, 'e-1')
    await run(['logs', 'j-0', '--lines', '3'])
    assert.deepEqual(orchestrator.logQueries[3], { follow: false, tail: false, executionId: 'e-1', lines: 3 })
    assert.match((await run(['logs', 'j-0', '-v', '7'])).err, /^Error: version 7 of the job has not run\nHint: /)
  })

  test('give their results, whole or in part, and again', async (context) => {
    const { run, at, orchestrator } = await createWorld(context)
    await mkdir(at('result/outputs'), { recursive: true })
    await writeFile(at('result/stdout'), 'hi')
    await writeFile(at('result/outputs/x'), '1')
    const cid = (await run(['data', 'add', 'result'])).out.trim()
    orchestrator.onSubmit = ({ ID }) => orchestrator.addExecution(executionOf(ID, 'e-1', 'Failed', published(cid)))
    await run(['run', '-', '--wait=false'], { input: SPEC })
    for (let round = 0; round < 2; round++) {
      const { code, out, err } = await run(['job', 'get', 'j-0'])
      assert.deepEqual([code, out.split('\n')[1]], [0, at('job-j-00000001')], err)
      assert.match(err, /^Warning: execution e-1 did not complete; this is what it had written\.\n$/)
    }
    assert.equal(await readFile(at('job-j-00000001/outputs/x'), 'utf8'), '1')
    await run(['job', 'get', 'j-0/outputs', '--output-dir', 'part'])
    assert.equal(await readFile(at('part/outputs/x'), 'utf8'), '1')
    await writeFile(at('job-j-00000001/stdout'), 'mine')
    const conflict = await run(['get', 'j-0'])
    assert.deepEqual([conflict.code, await readFile(at('job-j-00000001/stdout'), 'utf8')], [1, 'mine'])
  })
})

const nodeState = (
  change: Partial<NodeState['Info']> = {},
  Membership: NodeState['Membership'] = 'APPROVED',
): NodeState => ({
  Info: {
    ...nodeInfo,
    ComputeNodeInfo: {
      ...nodeInfo.ComputeNodeInfo,
      MaxCapacity: { CPU: 4, Memory: 8e9, Disk: 1e12, GPU: 0 },
      AvailableCapacity: { CPU: 3.5, Memory: 4e9, Disk: 1e12, GPU: 0 },
    },
    ...change,
  },
  Membership,
  Connection: 'CONNECTED',
  ConnectionState: {
    Status: 'CONNECTED',
    LastHeartbeat: '2026-01-01T00:00:00Z',
    ConnectedSince: '2026-01-01T00:00:00Z',
    DisconnectedSince: '0001-01-01T00:00:00Z',
    LastError: '',
  },
})

describe('nodes', () => {
  test('are listed with what is free', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    assert.match((await run(['node', 'list'])).out, /^No nodes yet\./)
    orchestrator.nodeStates = [nodeState()]
    const { out } = await run(['node', 'list'])
    assert.match(
      out,
      /^QmdZQ7Zbhn {2}Compute {2}APPROVED {2}CONNECTED {2}os_type=linux {2}3\.5 \/ 4 {2}4 GB \/ 8 GB {2}1 TB \/ 1 TB {2}- +0$/m,
    )
    const [json] = JSON.parse((await run(['node', 'list', '--output', 'json'])).out) as NodeState[]
    assert.equal(json?.Info.NodeID, nodeInfo.NodeID)
  })

  test('are described', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.nodeStates = [nodeState({ Labels: { zone: 'e\u001b[2Ju' } })]
    const { out } = await run(['node', 'describe', 'QmdZ', '--output', 'table'])
    assert.match(out, /^Status {6}CONNECTED \(.* ago\)$/m)
    assert.match(out, /^Free {8}3\.5 cores, 4 GB memory, 1 TB disk$/m)
    assert.match(out, /^Labels {6}zone=e\[2Ju$/m)
    assert.equal((await run(['node', 'describe', 'nope'])).err, 'Error: node not found: nope\n')
  })
})

describe('decisions about nodes', () => {
  test('are passed on, once each', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    const decide = (action: string, ...flags: string[]) => run(['node', action, 'QmdZ', ...flags])
    assert.deepEqual((await decide('approve')).err, 'Error: node not found: QmdZ\n')
    orchestrator.nodeStates = [nodeState({}, 'PENDING')]
    assert.deepEqual(await decide('approve'), { code: 0, out: 'Node QmdZQ7Zbhn is approved.\n', err: '' })
    assert.match((await decide('reject', '-m', 'disk errors')).out, /is rejected/)
    assert.match((await decide('delete')).out, /is forgotten/)
    const id = nodeInfo.NodeID
    assert.deepEqual(orchestrator.decisions, [
      { id, action: 'approve', message: '' },
      { id, action: 'reject', message: 'disk errors' },
      { id, action: 'delete', message: '' },
    ])
    orchestrator.nodeStates = [nodeState()]
    assert.match((await decide('approve')).err, /^Error: node \w+ already approved\n/)
  })
})

describe('id', () => {
  test('id prints both IDs in every format, the same each time', async (context) => {
    const { run } = await createWorld(context)
    const first = await run(['id'])
    assert.match(first.out, /^\{"ID":"Qm[1-9A-Za-z]{44}","ClientID":"[\da-f]{64}"\}\n$/)
    const { ID, ClientID } = JSON.parse(first.out) as { ID: string; ClientID: string }
    assert.equal((await run(['id', '--output', 'yaml'])).out, `ID: ${ID}\nClientID: ${ClientID}\n`)
    assert.equal((await run(['id', '--pretty'])).out, `{\n  "ID": "${ID}",\n  "ClientID": "${ClientID}"\n}\n`)
    assert.match((await run(['id', '--output', 'table'])).out, new RegExp(`^${ID}  ${ClientID}$`, 'm'))
    const other = JSON.parse((await run(['id', '--port', '4321'])).out) as { ID: string; ClientID: string }
    assert.notEqual(other.ID, ID)
    assert.equal(other.ClientID, ClientID)
  })
})
