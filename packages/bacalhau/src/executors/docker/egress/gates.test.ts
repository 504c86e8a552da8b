import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { systemClock } from '../../../runtime/clock.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createOutbound } from '../../../sources/outbound/outbound.ts'
import type { ExecutionRequest } from '../../executor.ts'
import { connectEngine } from '../engine/engine.ts'
import { type Replies, scriptedEngine } from '../fixtures/scripted-engine.ts'
import { createGates } from './gates.ts'

const ID = 'a'.repeat(64)
const request = {
  jobId: 'j-1',
  executionId: 'e-1',
  network: { Type: 'HTTP', Domains: ['good.test'] },
} as unknown as ExecutionRequest

async function open(t: TestContext, replies: Replies, folderName = 'egress') {
  const base = await mkdtemp(path.join(tmpdir(), 'gates-'))
  t.after(() => rm(base, { recursive: true }))
  const folder = path.join(base, folderName)
  const { address, asked } = await scriptedEngine(t, {
    'GET /images/localhost/bacalhau-gate:latest/json': { Id: 'sha256:1' },
    'POST /containers/create': { Id: ID },
    [`POST /containers/${ID}/start`]: (reply) => reply.writeHead(204).end(),
    ...replies,
  })
  const engine = await connectEngine(address, new AbortController().signal)
  const gates = createGates({
    folder,
    outbound: createOutbound([]),
    bounds: { bytes: 1, rate: 1 },
    node: 'QmNode',
    clock: systemClock,
    logger: silentLogger,
  })
  const owned: string[] = []
  const begin = (signal = new AbortController().signal) =>
    gates.open({ engine, request, own: (id) => owned.push(id), signal })
  return { gates, folder, begin, owned, asked }
}

describe('a gate', () => {
  test('that does not come up is told, handed over for removal, and leaves no socket', async (t) => {
    const { begin, owned, folder } = await open(t, { [`POST /containers/${ID}/wait`]: { StatusCode: 127 } })
    await assert.rejects(begin(), {
      code: 'EngineUnavailable',
      message: /network HTTP does not come up: it ended with exit code 127/,
      hint: /on the machine of the node/,
    })
    assert.deepEqual([owned, await readdir(folder)], [[ID], []])
  })

  test('whose job is cancelled meanwhile ends with that', async (t) => {
    const cancel = new AbortController()
    const { begin, folder } = await open(t, {
      [`POST /containers/${ID}/wait`]: (reply) => {
        reply.writeHead(200).flushHeaders()
        cancel.abort(new Error('no longer wanted'))
      },
    })
    await assert.rejects(begin(cancel.signal), /no longer wanted/)
    assert.deepEqual(await readdir(folder), [])
  })

  test('whose image is not there makes it of nothing', async (t) => {
    let made = false
    const { begin, asked } = await open(t, {
      'GET /images/localhost/bacalhau-gate:latest/json': (reply) =>
        made ? reply.end('{"Id":"sha256:1"}') : reply.writeHead(404).end('{"message":"none"}'),
      'POST /images/create': (reply) => {
        made = true
        reply.end('{"status":"sha256:1"}')
      },
      [`POST /containers/${ID}/wait`]: { StatusCode: 1 },
    })
    await assert.rejects(begin(), { code: 'EngineUnavailable' })
    const [call] = asked.filter(({ path: at }) => at === '/images/create')
    assert.deepEqual(Object.fromEntries(call?.query ?? []), {
      fromSrc: '-',
      repo: 'localhost/bacalhau-gate',
      tag: 'latest',
    })
    assert.equal(call?.headers['content-length'], '1024')
  })

  test('has its socket where only this user and the gate come', async (t) => {
    const { gates, folder } = await open(t, {})
    const gate = await gates.reopen(request)
    const [name = ''] = await readdir(folder)
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    assert.equal((await stat(path.join(folder, name, 'proxy'))).mode & 0o777, 0o666)
    await gates.keep(new Set(['e-1']))
    assert.deepEqual(await readdir(folder), [name])
    await gates.keep(new Set(['e-2']))
    assert.deepEqual(await readdir(folder), [])
    await gate.close()
  })

  test('is refused where the path of its socket would be cut off', async (t) => {
    const { begin, owned } = await open(t, {}, 'x'.repeat(90))
    await assert.rejects(begin(), { code: 'EngineUnavailable', hint: /shorter DataDir/ })
    assert.deepEqual(owned, [])
  })
})
