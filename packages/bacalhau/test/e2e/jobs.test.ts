// Jobs from the command line and over REST, on a swarm of two real processes: the ways in which they end, good and bad.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bacalhau, CHECKOUT, createWorld, ended, type NodeProcess, start, until, type World } from '../program.ts'
import { LOOPS, olderSpec, RETURNS, TRAPS, wasmModule } from '../wasm-modules.ts'

const hello = path.join(CHECKOUT, 'examples/hello/hello.wasm')
const inputs = path.join(CHECKOUT, 'examples/hello/inputs')

interface Failure {
  readonly Status: number
  readonly Code: string
  readonly Message: string
  readonly Hint?: string
}

describe('jobs on a swarm of two processes', { timeout: 240_000 }, () => {
  let world: World
  let orchestrator: NodeProcess
  let compute: NodeProcess
  before(async () => {
    world = await createWorld()
    ;({ orchestrator, compute } = await world.swarm())
  })
  after(() => world.end())

  const cli = (...args: string[]) => bacalhau([...args, ...orchestrator.api])
  async function post(body: string | object): Promise<{ status: number; body: Failure & { cid?: string } }> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(`${orchestrator.apiUrl}/api/v1/run`, { method: 'POST', body: text })
    return { status: answer.status, body: (await answer.json()) as Failure & { cid?: string } }
  }

  test('wasm run uploads, runs, streams, and its result is fetched by CID from the other node', async () => {
    const run = await cli('wasm', 'run', hello, '-i', `${inputs}:/inputs`, '--follow')
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /[Hh]ello/)
    const cid = /Qm[1-9A-HJ-NP-Za-km-z]{44}/.exec(run.stdout)?.[0] ?? ''
    const target = path.join(world.folder, 'result')
    const got = await cli('data', 'get', cid, target)
    assert.equal(got.code, 0, got.stderr)
    assert.equal(await readFile(path.join(target, 'exitCode'), 'utf8'), '0')
    assert.match(await readFile(path.join(target, 'stdout'), 'utf8'), /[Hh]ello/)
  })

  test('POST /api/v1/run answers {"cid":"…"} and nothing else', async () => {
    const { status, body } = await post(olderSpec(RETURNS))
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), ['cid'])
    assert.match(body.cid ?? '', /^Qm/)
  })

  test('the documented example, where no node has Docker, says so at once', async () => {
    const { status, body } = await post({
      Engine: 'Docker',
      Docker: { Image: 'ubuntu', Entrypoint: ['echo'], Parameters: ['hello'] },
      Deal: { Concurrency: 1 },
      Verifier: 'Noop',
      PublisherSpec: { Type: 'IPFS' },
    })
    assert.equal(status, 400)
    assert.equal(body.Code, 'EngineMissing')
    assert.match(body.Message, /docker/)
    assert.match(body.Message, /1 of 1/)
  })

  for (const [what, body, status, code] of [
    ['broken JSON', '{"Engine":', 400, /BadRequest/],
    ['no JSON at all', 'hello', 400, /BadRequest/],
    ['an empty document', '{}', 400, /ValidationError/],
    ['an unknown field', JSON.stringify(olderSpec(RETURNS, { Pubisher: 'IPFS' })), 400, /ValidationError/],
    [
      'a verifier that is gone',
      JSON.stringify(olderSpec(RETURNS, { Verifier: 'Deterministic' })),
      400,
      /ValidationError/,
    ],
    ['too much', `{"Engine":"Noop","Annotations":["${'x'.repeat(11 * 1024 * 1024)}"]}`, 413, /PayloadTooLarge/],
    ['too deep', `{"Engine":"Noop","Language":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`, 400, /./],
  ] as const) {
    test(`run refuses ${what} with ${status}`, async () => {
      const answer = await post(body)
      assert.equal(answer.status, status)
      assert.match(answer.body.Code, code)
      assert.equal(answer.body.Status, status)
    })
  }

  test('an unknown field is named, with the one that was meant', async () => {
    const { body } = await post(olderSpec(RETURNS, { Pubisher: 'IPFS' }))
    assert.match(body.Message, /Pubisher.*Publisher/)
  })

  for (const [what, wasm, more, code, text] of [
    ['a trap', TRAPS, {}, 'WasmTrap', /unreachable/],
    ['an endless loop', LOOPS, { Timeout: 1 }, 'ExecutionTimeout', /1/],
    ['no entry point', wasmModule('', { entry: 'main' }), {}, 'WasmMissingEntrypoint', /main/],
    ['something that is no module', Buffer.from('#!/bin/sh\necho hello\n'), {}, 'WasmNotAModule', /./],
    [
      'more memory than it may have',
      wasmModule('', { memoryPages: 100 }),
      { Resources: { Memory: '1Mi' } },
      'WasmMemoryExhausted',
      /./,
    ],
    ['more memory than any node has', RETURNS, { Resources: { Memory: '900TB' } }, 'NotEnoughResources', /memory/],
  ] as const) {
    test(`${what} is a failure that says which`, async () => {
      const { status, body } = await post(olderSpec(wasm, more))
      assert.ok(status >= 400, `status ${status}`)
      assert.equal(body.Code, code)
      assert.match(body.Message, text)
    })
  }

  test('a failed job ends the command with exit code 1 and its reason', async () => {
    const spec = path.join(world.folder, 'trap.json')
    await writeFile(spec, JSON.stringify(olderSpec(TRAPS)))
    const run = await cli('run', spec)
    assert.equal(run.code, 1)
    assert.match(run.stderr, /unreachable/)
  })

  test('a client that leaves does not cancel its job', async () => {
    const body = JSON.stringify(olderSpec(LOOPS, { Timeout: 2, Annotations: ['left-alone'] }))
    const leave = new AbortController()
    const answer = fetch(`${orchestrator.apiUrl}/api/v1/run`, { method: 'POST', body, signal: leave.signal })
    answer.catch(() => undefined)
    const find = async () => {
      const list = await fetch(`${orchestrator.apiUrl}/api/v1/orchestrator/jobs?limit=100`)
      const { Items } = (await list.json()) as {
        Items: { Labels: object; State: { StateType: string; Details?: { ErrorCode?: string } } }[]
      }
      return Items.find(({ Labels }) => 'left-alone' in Labels)
    }
    await until(async () => (await find())?.State.StateType === 'Running')
    leave.abort()
    await until(async () => (await find())?.State.StateType === 'Failed')
    // It was ended by its own time limit, not by anyone's leaving.
    assert.equal((await find())?.State.Details?.ErrorCode, 'ExecutionTimeout')
  })

  test('stop ends a running job', async () => {
    const spec = path.join(world.folder, 'loop.json')
    await writeFile(spec, JSON.stringify(olderSpec(LOOPS)))
    const { stdout } = await cli('run', spec, '--wait=false', '--id-only')
    const id = stdout.trim()
    const stopped = await cli('job', 'stop', id)
    assert.equal(stopped.code, 0, stopped.stderr)
    const described = await cli('job', 'describe', id, '--output', 'json')
    assert.equal(
      (JSON.parse(described.stdout) as { Job: { State: { StateType: string } } }).Job.State.StateType,
      'Stopped',
    )
  })

  test('Ctrl-C while waiting leaves the job running, and says how to go on', async () => {
    const spec = path.join(world.folder, 'long.json')
    await writeFile(spec, JSON.stringify(olderSpec(LOOPS, { Annotations: ['interrupted'] })))
    const child = start(['run', spec, ...orchestrator.api])
    const end = ended(child)
    const list = async () => {
      const answer = await fetch(`${orchestrator.apiUrl}/api/v1/orchestrator/jobs?limit=100`)
      const { Items } = (await answer.json()) as {
        Items: { ID: string; Labels: object; State: { StateType: string } }[]
      }
      return Items.find(({ Labels }) => 'interrupted' in Labels)
    }
    await until(async () => (await list())?.State.StateType === 'Running')
    child.kill('SIGINT')
    const { code, stdout, stderr } = await end
    assert.equal(code, 130)
    assert.match(stdout + stderr, /job stop/)
    const job = await list()
    assert.equal(job?.State.StateType, 'Running')
    await cli('job', 'stop', job?.ID ?? '')
  })

  test('content that nobody has is said to be so, with who was asked', async () => {
    const missing = 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'
    const got = await cli('data', 'get', missing, path.join(world.folder, 'never'))
    assert.equal(got.code, 1)
    assert.match(got.stderr, new RegExp(missing))
    assert.match(got.stderr, /1 peer/)
  })

  test('a job whose compute node dies in the middle goes on at another one within seconds', async () => {
    const spec = path.join(world.folder, 'doomed.json')
    await writeFile(spec, JSON.stringify(olderSpec(LOOPS)))
    const { stdout } = await cli('run', spec, '--wait=false', '--id-only')
    const id = stdout.trim()
    interface Run {
      readonly NodeID: string
      readonly ComputeState: { readonly StateType: number; readonly Message?: string; readonly Details?: object }
    }
    const runs = async (): Promise<Run[]> => {
      const answer = await fetch(`${orchestrator.apiUrl}/api/v1/orchestrator/jobs/${id}/executions`)
      return ((await answer.json()) as { Items: Run[] }).Items
    }
    await until(async () => (await runs()).some(({ ComputeState }) => ComputeState.StateType === 6))
    const second = await world.node('second', ['--compute', '--peer', orchestrator.addresses[0] ?? ''])
    await compute.kill()
    await until(async () => (await runs())[1]?.ComputeState.StateType === 6)
    const [lost, next] = await runs()
    assert.deepEqual([lost?.NodeID, next?.NodeID], [compute.peerId, second.peerId])
    assert.deepEqual(
      [lost?.ComputeState.StateType, lost?.ComputeState.Details],
      [10, { ErrorCode: 'NodeLost', IsError: 'true' }],
    )
    assert.match(lost?.ComputeState.Message ?? '', /the node is gone/)
    assert.equal((await cli('job', 'stop', id)).code, 0)
  })
})
