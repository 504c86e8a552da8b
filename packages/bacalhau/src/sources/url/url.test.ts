import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import type { LookupAddress } from 'node:dns'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { SpecConfig } from '@bacalhau/models'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { seededRandom } from '../../runtime/random.ts'
import { describeSource } from '../compliance.ts'
import { createDiskRoom } from '../disk-room.ts'
import { inParts, startServer } from '../fixtures/hostile-server.ts'
import { openInputCache } from '../input-cache.ts'
import { createOutbound, type Resolve, systemResolve } from '../outbound/outbound.ts'
import { createUrlSource, type UrlSourceOptions } from './url.ts'

const { signal } = new AbortController()
const spec = (URL: unknown): SpecConfig => ({ Type: 'urlDownload', Params: { URL } })
const SILENCE = 3_600_000

/** Pauses are over at once; silence is told by hand. */
function hurriedClock() {
  const silences: (() => void)[] = []
  const pauses: number[] = []
  const clock: Clock = {
    now: () => 0,
    monotonic: () => (silent ? SILENCE : 0),
    after(delay, action) {
      if (delay === SILENCE) {
        silences.push(action)
        return { cancel: () => undefined }
      }
      pauses.push(delay)
      return systemClock.after(0, action)
    },
  }
  let silent = false
  const fallSilent = () => {
    silent = true
    for (const action of silences.splice(0)) action()
    silent = false
  }
  return { clock, pauses, fallSilent }
}

interface Setting extends Partial<UrlSourceOptions> {
  readonly granted?: readonly string[]
  readonly resolve?: Resolve
  readonly free?: number
}

async function source(context: TestContext, setting: Setting = {}) {
  const { granted = ['127.0.0.1'], resolve = systemResolve, free = Number.MAX_SAFE_INTEGER, ...rest } = setting
  return createUrlSource({
    outbound: createOutbound(granted, resolve),
    cache: await openInputCache(path.join(await temporaryFolder(context), 'cache')),
    room: createDiskRoom(async () => free),
    clock: hurriedClock().clock,
    random: seededRandom(1),
    silence: SILENCE,
    retries: 3,
    maxBytes: 1_000_000,
    ...rest,
  })
}

async function fetched(context: TestContext, url: string, setting: Setting = {}) {
  const { hostPath } = await (await source(context, setting)).prepare(spec(url), await temporaryFolder(context), signal)
  const names = await readdir(hostPath)
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(hostPath, name), 'utf8')])),
  )
}

describeSource('urlDownload', async (context) => {
  const server = await startServer(context, {
    '/data.csv': inParts(Buffer.from('1,2')),
    '/plain': (_, response) => response.end('no version'),
  })
  return {
    source: await source(context),
    good: [
      { spec: spec(server.url('/data.csv')), holds: { 'data.csv': '1,2' } },
      { spec: spec(server.url('/data.csv?a=b#c')), holds: { 'data.csv': '1,2' } },
      { spec: spec(server.url('/plain')), holds: { plain: 'no version' } },
    ],
    invalid: [
      spec(undefined),
      spec(''),
      spec('nonsense'),
      spec('ftp://x/y'),
      spec('file:///etc/passwd'),
      spec(`http://x`),
    ],
    missing: spec(server.url('/missing')),
  }
})

describe('a file of a web server, point 18', () => {
  test('comes also where the server knows no HEAD, and does not say how long it is', async (context) => {
    const server = await startServer(context, {
      '/x': (request, response) => {
        if (request.method !== 'GET') return void response.writeHead(405).end()
        response.write('no ')
        response.end('length')
      },
    })
    assert.deepEqual(await fetched(context, server.url('/x')), { x: 'no length' })
    assert.deepEqual(server.asked, ['GET /x'])
  })

  test('of a known version is fetched once, and again when it has changed', async (context) => {
    let etag = '"1"'
    const server = await startServer(context, { '/f': (...answer) => inParts(Buffer.from(etag), { etag })(...answer) })
    const urls = await source(context)
    const prepare = async () => urls.prepare(spec(server.url('/f')), await temporaryFolder(context), signal)
    const [first, same] = [await prepare(), await prepare()]
    assert.equal(first.hostPath, same.hostPath)
    etag = '"2"'
    assert.deepEqual(await urls.measure(spec(server.url('/f')), signal), { bytes: 3, local: false })
    assert.equal(await readFile(path.join((await prepare()).hostPath, 'f'), 'utf8'), '"2"')
    assert.deepEqual(await urls.measure(spec(server.url('/f')), signal), { bytes: 3, local: true })
  })

  test('goes on where a connection broke off', async (context) => {
    const body = Buffer.from('0123456789')
    const server = await startServer(context, { '/f': inParts(body, { most: 3 }) })
    assert.deepEqual(await fetched(context, server.url('/f'), { retries: 2 }), { f: '0123456789' })
    // A connection that breaks off before anybody reads from it brings nothing, and is made again.
    const steps = [...new Set(server.asked)]
    assert.deepEqual(steps, ['GET /f', 'GET /f bytes=3-', 'GET /f bytes=6-', 'GET /f bytes=9-'])
  })

  test('goes on for one job when the other one that began has left', async (context) => {
    const body = Buffer.from('0123456789')
    const knocks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let answers = 0
    const server = await startServer(context, {
      '/f': (request, response) => {
        answers += 1
        knocks[answers - 1]?.resolve()
        // What the one reads that came first comes to a halt, and nothing else does.
        if (answers > 1) return inParts(body)(request, response)
        response.writeHead(200, { etag: '"1"', 'content-length': 10 }).write('012')
      },
    })
    const urls = await source(context)
    const impatient = new AbortController()
    const prepare = async (by: AbortSignal) => urls.prepare(spec(server.url('/f')), await temporaryFolder(context), by)
    const leaving = prepare(impatient.signal)
    await knocks[0]?.promise
    const staying = prepare(signal)
    await knocks[1]?.promise
    // The other one has to have joined before the first one leaves.
    await new Promise((resolve) => setTimeout(resolve, 50))
    impatient.abort(new Error('left'))
    await assert.rejects(leaving, /left/)
    assert.equal(await readFile(path.join((await staying).hostPath, 'f'), 'utf8'), '0123456789')
  })

  test('that has changed meanwhile is refused', async (context) => {
    let version = 0
    const server = await startServer(context, {
      '/f': (...answer) => inParts(Buffer.from('0123456789'), { etag: `"${(version += 1)}"`, most: 3 })(...answer),
    })
    await assert.rejects(fetched(context, server.url('/f')), { code: 'InputFailed', message: /changed/ })
  })

  test('without a version is begun anew', async (context) => {
    let tries = 0
    const server = await startServer(context, {
      '/f': (_, response) => {
        tries += 1
        response.writeHead(200, { 'content-length': 4 })
        response.write(tries === 1 ? 'zz' : 'good', () => (tries === 1 ? response.destroy() : response.end()))
      },
    })
    assert.deepEqual(await fetched(context, server.url('/f')), { f: 'good' })
  })

  test('is waited for as the server asks', async (context) => {
    let tries = 0
    const server = await startServer(context, {
      '/f': (_, response) => {
        tries += 1
        if (tries < 3) response.writeHead(503, tries === 1 ? { 'retry-after': '7' } : {}).end()
        else response.end('there')
      },
    })
    const { clock, pauses } = hurriedClock()
    assert.deepEqual(await fetched(context, server.url('/f'), { clock }), { f: 'there' })
    assert.equal(pauses[0], 7_000)
    assert.ok(pauses[1] !== undefined && pauses[1] >= 500 && pauses[1] <= 1_000)
  })

  for (const status of [401, 403, 404, 410, 418, 304, 204]) {
    test(`that is answered with ${status} is not asked for again`, async (context) => {
      const server = await startServer(context, { '/f': (_, response) => response.writeHead(status).end() })
      await assert.rejects(fetched(context, server.url('/f')), {
        code: 'InputFailed',
        message: new RegExp(`${status}`),
      })
      assert.equal(server.asked.length, 1)
    })
  }

  test('that is not there for long is given up after as many tries as were set', async (context) => {
    const server = await startServer(context, { '/f': (_, response) => response.writeHead(500).end() })
    await assert.rejects(fetched(context, server.url('/f?secret=1')), (error) => {
      assert.match(String(error), /after 4 tries: the server answers 500/)
      assert.doesNotMatch(String(error), /secret/)
      return true
    })
    assert.equal(server.asked.length, 4)
  })

  test('is named by the server where it redirects', async (context) => {
    const server = await startServer(context, {
      '/a': (_, response) => response.writeHead(302, { location: '/b' }).end(),
      '/b': (_, response) =>
        response.writeHead(200, { 'content-disposition': 'attachment; filename="../x/c.txt"' }).end('c'),
    })
    assert.deepEqual(await fetched(context, server.url('/a')), { 'c.txt': 'c' })
    assert.deepEqual(await fetched(context, server.url('/b')), { b: 'c' })
  })
})

describe('a hostile web server', () => {
  test('that redirects for ever is left', async (context) => {
    const server = await startServer(context, {
      '/f': (_, response) => response.writeHead(302, { location: '/f' }).end(),
    })
    await assert.rejects(fetched(context, server.url('/f')), { code: 'InputFailed', message: /redirects more than 10/ })
    assert.equal(server.asked.length, LIMITS.urlRedirects + 1)
  })

  for (const location of ['file:///etc/passwd', 'gopher://x/', 'http://', 'data:,x']) {
    test(`that redirects to ${location} is refused`, async (context) => {
      const server = await startServer(context, { '/f': (_, response) => response.writeHead(302, { location }).end() })
      await assert.rejects(fetched(context, server.url('/f')), { code: 'InputFailed', message: /no web address/ })
    })
  }

  test('that redirects to a private address is refused, and nothing is sent there', async (context) => {
    const inner = await startServer(context, { '/secret': (_, response) => response.end('secret') })
    const server = await startServer(context, {
      '/f': (_, response) => response.writeHead(302, { location: `http://inner.test:${inner.port}/secret` }).end(),
    })
    const resolve: Resolve = async () => [{ address: '127.0.0.2', family: 4 }]
    await assert.rejects(fetched(context, server.url('/f'), { resolve }), {
      code: 'InputFailed',
      message: /may not reach/,
    })
    assert.deepEqual(inner.asked, [])
  })

  test('that says it sends more than it does is left', async (context) => {
    const server = await startServer(context, {
      '/f': (_, response) =>
        void response.writeHead(200, { 'content-length': 10 }).write('abc', () => response.destroy()),
    })
    const folder = await temporaryFolder(context)
    await assert.rejects((await source(context)).prepare(spec(server.url('/f')), folder, signal), {
      code: 'InputFailed',
    })
    assert.deepEqual(await readdir(folder), [])
  })

  test('that answers with another part than was asked for is refused', async (context) => {
    const server = await startServer(context, {
      '/f': (request, response) => {
        const { range } = request.headers
        if (range === undefined) return inParts(Buffer.from('0123456789'), { most: 3 })(request, response)
        response.writeHead(206, { etag: '"1"', 'content-range': 'bytes 5-9/10', 'content-length': 5 }).end('56789')
      },
    })
    await assert.rejects(fetched(context, server.url('/f')), { code: 'InputFailed', message: /another part/ })
  })

  test('that says at once that it sends too much is not read', async (context) => {
    const server = await startServer(context, { '/f': inParts(Buffer.alloc(2_000)) })
    await assert.rejects(fetched(context, server.url('/f'), { maxBytes: 1_999 }), { code: 'ContentTooLarge' })
    await assert.rejects(fetched(context, server.url('/f'), { free: LIMITS.diskReserve + 1_999 }), { code: 'DiskFull' })
    assert.equal(Object.keys(await fetched(context, server.url('/f'), { maxBytes: 2_000 })).length, 1)
  })

  test('that sends without end is left', async (context) => {
    const server = await startServer(context, {
      '/f': (_, response) => {
        const more = () => response.write(Buffer.alloc(60_000), (error) => (error ? undefined : more()))
        more()
      },
    })
    await assert.rejects(fetched(context, server.url('/f')), { code: 'ContentTooLarge' })
  })

  test('that packs its answer is not unpacked', async (context) => {
    const bomb = gzipSync(Buffer.alloc(10_000_000))
    const server = await startServer(context, {
      '/f': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip', etag: '"1"' }).end(bomb),
    })
    const { f = '' } = await fetched(context, server.url('/f'), { maxBytes: bomb.length })
    assert.ok(f.length <= bomb.length)
  })

  test('that falls silent is left, before and after its headers', async (context) => {
    const { clock, fallSilent } = hurriedClock()
    const silent = () => void setImmediate(fallSilent)
    const server = await startServer(context, {
      '/before': silent,
      '/after': (_, response) => response.writeHead(200, { 'content-length': 9 }).write('abc', silent),
    })
    for (const file of ['/before', '/after']) {
      await assert.rejects(fetched(context, server.url(file), { clock, retries: 0 }), /nothing came for 3600 seconds/)
    }
  })
})

describe('an address that is not public, point 17', () => {
  for (const host of [
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    '2130706433',
    '10.1.2.3',
    '169.254.169.254',
    '[::ffff:10.0.0.1]',
    '[fd00::1]',
  ]) {
    test(`${host} is refused`, async (context) => {
      const urls = await source(context, { granted: [] })
      const preparing = urls.prepare(spec(`http://${host}:9/f`), await temporaryFolder(context), signal)
      await assert.rejects(preparing, { code: 'InputFailed', message: /may not reach/ })
    })
  }

  const named = (...lists: (readonly LookupAddress[])[]): Resolve => {
    let calls = 0
    return async () => lists[Math.min(calls++, lists.length - 1)] ?? []
  }
  const [own, inner] = [
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 },
  ]

  test('is refused among others', async (context) => {
    const server = await startServer(context, { '/f': (_, response) => response.end('x') })
    const setting = { resolve: named([own, inner]) }
    await assert.rejects(fetched(context, `http://two.test:${server.port}/f`, setting), { code: 'InputFailed' })
    assert.deepEqual(server.asked, [])
  })

  test('cannot be put in the place of one that was checked', async (context) => {
    const server = await startServer(context, { '/f': (_, response) => response.end('x') })
    // Were the name looked up once more, it would be another address.
    const setting = { resolve: named([own], [inner]) }
    assert.deepEqual(await fetched(context, `http://rebinding.test:${server.port}/f`, setting), { f: 'x' })
  })

  test('is refused when the name leads there at the next connection', async (context) => {
    const server = await startServer(context, { '/f': inParts(Buffer.from('0123456789'), { most: 3 }) })
    const setting = { resolve: named([own], [inner]) }
    await assert.rejects(fetched(context, `http://rebinding.test:${server.port}/f`, setting), {
      code: 'InputFailed',
      message: /may not reach/,
    })
    assert.equal(server.asked.length, 1)
  })
})
