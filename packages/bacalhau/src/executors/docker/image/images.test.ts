import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { connectEngine } from '../engine/engine.ts'
import { type Replies, type ScriptedEngine, scriptedEngine } from '../fixtures/scripted-engine.ts'
import { createImageStore, type PullPolicy } from './images.ts'
import { lines } from './pull.ts'
import { parseReference } from './reference.ts'

const never = new AbortController().signal
const DIGEST = `sha256:${'a'.repeat(64)}`
const here = { Id: DIGEST, RepoDigests: [`busybox@sha256:${'b'.repeat(64)}`], Os: 'linux', Architecture: 'amd64' }
const NAME = 'busybox:1'

async function open(t: TestContext, replies: Replies, policy: PullPolicy = 'missing') {
  const scripted = await scriptedEngine(t, replies)
  const engine = await connectEngine(scripted.address, never)
  const images = createImageStore({ engine, policy, credentials: async (registry) => `for ${registry}` })
  const told: string[] = []
  const ready = (name: string, signal = never) => images.ready(name, (words) => told.push(words), signal)
  return { ...scripted, images, ready, told }
}

const pulls = ({ asked }: Pick<ScriptedEngine, 'asked'>) => asked.filter(({ path }) => path === '/images/create')

describe('an image', () => {
  test('that is here is not fetched, and is known by its content', async (t) => {
    const bench = await open(t, { [`GET /images/${NAME}/json`]: here })
    assert.deepEqual(await bench.ready(NAME), { id: DIGEST, pinned: here.RepoDigests[0] })
    assert.equal(pulls(bench).length, 0)
  })

  test('that is not here is fetched once for all who wait, with the credential of its registry, and progress', async (t) => {
    let present = false
    const bench = await open(t, {
      'GET /images/registry.example.com:5000/team/app:2/json': (reply) =>
        present
          ? reply.end(JSON.stringify({ ...here, RepoDigests: [] }))
          : reply.writeHead(404).end('{"message":"none"}'),
      'POST /images/create': (reply) => {
        const say = (status: string, id: string, current: number) =>
          reply.write(`{"status":"${status}","id":"${id}","progressDetail":{"current":${current},"total":100}}\r\n`)
        reply.write('{"status":"Pulling fs layer","progressDetail":{},"id":"l1"}\r\n{"status":"Wai')
        reply.write('ting","progressDetail":{},"id":"l2"}\r\n\r\n')
        say('Downloading', 'l1', 50)
        say('Downloading', 'l2', 99)
        say('Extracting', 'l2', 10)
        say('Downloading', 'l1', 100)
        present = true
        reply.end('{"status":"Status: Downloaded","progressDetail":{}}\n')
      },
    })
    const name = 'registry.example.com:5000/team/app:2'
    const more: string[] = []
    const all = await Promise.all([bench.ready(name), bench.images.ready(name, (words) => more.push(words), never)])
    assert.deepEqual(all, [
      { id: DIGEST, pinned: DIGEST },
      { id: DIGEST, pinned: DIGEST },
    ])
    const [pull, ...others] = pulls(bench)
    assert.equal(others.length, 0)
    assert.deepEqual(Object.fromEntries(pull?.query ?? []), {
      fromImage: 'registry.example.com:5000/team/app',
      tag: '2',
      platform: 'linux/amd64',
    })
    assert.equal(pull?.headers['x-registry-auth'], 'for registry.example.com:5000')
    const words = ['50 % (50 B of 100 B)', '74 % (149 B of 200 B)', '75 % (150 B of 200 B)', 'unpacking 200 B']
    assert.deepEqual([bench.told, more], [words, words])
  })

  test('is fetched each time where the operator wants that, unless its name is its content', async (t) => {
    const pinned = `busybox@sha256:${'b'.repeat(64)}`
    const replies = {
      [`GET /images/${NAME}/json`]: here,
      [`GET /images/${pinned}/json`]: here,
      'POST /images/create': '',
    }
    const bench = await open(t, replies, 'always')
    await bench.ready(NAME)
    await bench.ready(pinned)
    assert.equal(pulls(bench).length, 1)
  })

  test('is not fetched where the operator does not want that', async (t) => {
    const bench = await open(t, {}, 'never')
    await assert.rejects(bench.ready(NAME), { code: 'ImageNotFound', hint: /docker load/ })
    assert.equal(pulls(bench).length, 0)
  })

  test('for another platform is fetched for ours, or refused', async (t) => {
    const foreign = { ...here, Architecture: 'arm64' }
    const bench = await open(t, { [`GET /images/${NAME}/json`]: foreign, 'POST /images/create': '' })
    await assert.rejects(bench.ready(NAME), {
      code: 'ImagePlatform',
      message: /linux\/arm64; this node runs linux\/amd64/,
    })
    assert.equal(pulls(bench).length, 1)
  })

  test('that the registry does not give is told with its words', async (t) => {
    const refusals: Replies['x'][] = [
      (reply) => reply.writeHead(404).end('{"message":"manifest unknown"}'),
      (reply) => reply.writeHead(500).end('{"message":"manifest unknown"}'),
      '{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\n',
    ]
    for (const refusal of refusals) {
      const bench = await open(t, { 'POST /images/create': refusal })
      await assert.rejects(bench.ready(NAME), {
        code: 'ImageNotFound',
        message: /busybox:1": manifest unknown/,
        hint: /docker login/,
      })
    }
  })

  test('is not there when its pull breaks off or makes no sense', async (t) => {
    const cut = await open(t, {
      'POST /images/create': (reply) => {
        reply.write('{"status":"Pulling"}\n{"sta')
        setImmediate(() => reply.destroy())
      },
    })
    await assert.rejects(cut.ready(NAME), { name: 'EngineError', message: /does not answer/ })
    const short = await open(t, { 'POST /images/create': '{"status":"Pulling"}\n{"sta' })
    await assert.rejects(short.ready(NAME), { code: 'ImageNotFound', message: /did not arrive/ })
    const noise = await open(t, { 'POST /images/create': 'noise\n' })
    await assert.rejects(noise.ready(NAME), { name: 'EngineError', message: /not JSON/ })
  })

  test('is given up when nobody waits for it any more', async (t) => {
    const begun = Promise.withResolvers<void>()
    const bench = await open(t, {
      'POST /images/create': (reply) => {
        reply.writeHead(200).flushHeaders()
        begun.resolve()
      },
    })
    const caller = new AbortController()
    const ready = bench.ready(NAME, caller.signal)
    await begun.promise
    caller.abort(new Error('enough'))
    await assert.rejects(ready, /enough/)
  })
})

describe('the name of an image', () => {
  test('says where it comes from', () => {
    const parts = (text: string) => {
      const { repository, registry, version } = parseReference(text) ?? {}
      return [repository, registry, version]
    }
    assert.deepEqual(parts('busybox'), ['busybox', 'docker.io', 'latest'])
    assert.deepEqual(parts('team/app:1.2'), ['team/app', 'docker.io', '1.2'])
    assert.deepEqual(parts('ghcr.io/a/b/c'), ['ghcr.io/a/b/c', 'ghcr.io', 'latest'])
    assert.deepEqual(parts('localhost:5000/x:y'), ['localhost:5000/x', 'localhost:5000', 'y'])
    assert.deepEqual(parts('localhost/x'), ['localhost/x', 'localhost', 'latest'])
    assert.deepEqual(parts(`a/b:tag@${DIGEST}`), ['a/b', 'docker.io', DIGEST])
    assert.equal(parseReference(DIGEST), undefined)
  })

  test('is refused when it is none', () => {
    for (const text of [
      '',
      'UPPER',
      'a//b',
      'a:',
      'a b',
      '-a',
      'a@sha256:12',
      'a:b:c',
      '../a',
      'a/../b',
      'a'.repeat(600),
      'a\n',
    ])
      assert.throws(() => parseReference(text), { code: 'ImageInvalid' }, text)
  })
})

test('lines of a stream are bounded', async () => {
  const endless = async function* () {
    for (;;) yield Buffer.alloc(1 << 20, 'x')
  }
  await assert.rejects(Array.fromAsync(lines(endless())), /too long/)
})
