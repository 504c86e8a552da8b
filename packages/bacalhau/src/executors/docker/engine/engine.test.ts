import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { scriptedEngine } from '../fixtures/scripted-engine.ts'
import { answers, connectEngine } from './engine.ts'

const never = new AbortController().signal

describe('an engine', () => {
  test('is spoken to in the newest version that both know', async (t) => {
    for (const [says, base] of [
      ['1.41', '/v1.41'],
      ['1.52', '/v1.47'],
    ]) {
      let asked = ''
      const { address } = await scriptedEngine(t, {
        'HEAD /_ping': (reply) => reply.writeHead(200, { 'Api-Version': says }).end(),
        'POST /containers/x/start': (reply) => {
          asked = String(reply.req.url)
          reply.writeHead(204).end()
        },
      })
      const engine = await connectEngine(address, never)
      await engine.start('x', never)
      assert.equal(asked, `${base}/containers/x/start`)
    }
  })

  test('that is too old, or none, is told apart from one that is not there', async (t) => {
    for (const version of ['1.24', '', 'x']) {
      const { address } = await scriptedEngine(t, {
        'HEAD /_ping': (reply) => reply.writeHead(200, version === '' ? {} : { 'Api-Version': version }).end(),
      })
      await assert.rejects(connectEngine(address, never), /1\.40 is needed/)
    }
    const nowhere = { name: 'unix:///nowhere', target: { socketPath: '/nowhere/socket' } }
    await assert.rejects(connectEngine(nowhere, never), /unix:\/\/\/nowhere does not answer: .*ENOENT/)
    assert.equal(await answers(nowhere), false)
  })

  test('says what it can bound, and what it is', async (t) => {
    const facts = async (driver: string, status: string[][], component = 'Engine') => {
      const { address } = await scriptedEngine(t, {
        'GET /info': { NCPU: 4, Driver: driver, DriverStatus: status },
        'GET /version': { Version: '5', Os: 'Linux', Arch: 'arm64', Components: [{ Name: component }] },
      })
      return (await connectEngine(address, never)).facts
    }
    assert.equal((await facts('btrfs', [])).boundsDisk, true)
    assert.equal((await facts('vfs', [])).boundsDisk, false)
    assert.equal(
      (
        await facts('overlay2', [
          ['Backing Filesystem', 'xfs'],
          ['Supports project quota', 'true'],
        ])
      ).boundsDisk,
      true,
    )
    assert.equal((await facts('overlay2', [['Backing Filesystem', 'xfs']])).boundsDisk, false)
    const { os, architecture, processors, isPodman } = await facts('overlay', [], 'Podman Engine')
    assert.deepEqual(
      { os, architecture, processors, isPodman },
      { os: 'linux', architecture: 'arm64', processors: 4, isPodman: true },
    )
  })

  test('is believed only as far as its answers make sense', async (t) => {
    const { address } = await scriptedEngine(t, {
      'GET /containers/notjson/json': 'hello',
      'GET /containers/wrong/json': { Id: 'x', State: { Status: 'running', Running: 'yes' } },
      'GET /containers/huge/json': (reply) => {
        const chunk = 'x'.repeat(1 << 20)
        for (let sent = 0; sent < 8; sent += 1) reply.write(chunk)
        reply.end()
      },
      'GET /containers/cut/json': (reply) => {
        reply.writeHead(200, { 'Content-Length': '100' }).write('{"Id":')
        setImmediate(() => reply.destroy())
      },
      'GET /containers/fails/json': (reply) => reply.writeHead(500).end('not json at all'),
      'POST /containers/create': { Id: '../../etc' },
    })
    const engine = await connectEngine(address, never)
    await assert.rejects(engine.inspect('notjson'), /not JSON/)
    await assert.rejects(engine.inspect('wrong'), /wrong State.Running/)
    await assert.rejects(engine.inspect('huge'), /too long/)
    await assert.rejects(engine.inspect('cut'), /does not answer: aborted/)
    await assert.rejects(engine.inspect('fails'), { status: 500, message: /status 500/ })
    await assert.rejects(engine.inspect('missing'), { status: 404, message: 'no GET /containers/missing/json' })
    await assert.rejects(engine.create('name', {}, never), /wrong Id/)
  })

  test('that refuses to end or remove what is gone already is fine', async (t) => {
    const { address, asked } = await scriptedEngine(t, {
      'POST /containers/x/kill': (reply) => reply.writeHead(409).end('{"message":"is not running"}'),
    })
    const engine = await connectEngine(address, never)
    await engine.kill('x')
    await engine.remove('x')
    assert.equal(await engine.image('nobody/nothing'), undefined)
    const [remove] = asked.filter(({ method }) => method === 'DELETE')
    assert.deepEqual([remove?.query.get('force'), remove?.query.get('v')], ['1', '1'])
  })

  test('is not waited for when the caller goes', async (t) => {
    const { address } = await scriptedEngine(t, {
      'POST /containers/x/wait': (reply) => reply.writeHead(200).flushHeaders(),
    })
    const engine = await connectEngine(address, never)
    const caller = new AbortController()
    const waiting = engine.wait('x', caller.signal)
    caller.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
  })

  test('that breaks off while it waits has not told the end', async (t) => {
    const { address } = await scriptedEngine(t, {
      'POST /containers/cut/wait': (reply) => {
        reply.writeHead(200).write('{"Status')
        setImmediate(() => reply.destroy())
      },
      'POST /containers/short/wait': (reply) => reply.end('{"StatusCode":'),
    })
    const engine = await connectEngine(address, never)
    await assert.rejects(engine.wait('cut', never), /does not answer/)
    await assert.rejects(engine.wait('short', never), /not JSON/)
  })
})
