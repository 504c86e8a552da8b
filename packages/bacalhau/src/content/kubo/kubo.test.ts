import assert from 'node:assert/strict'
import path from 'node:path'
import { readFile } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import type { CID } from 'multiformats/cid'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { encodeCarHeader, encodeCarSection } from '../car.ts'
import { parseCid } from '../cid.ts'
import type { Content } from '../content.ts'
import { type KuboCall, kuboWith } from '../testing/kubo.ts'
import { flow, folderWith, gather, temporaryContent, temporaryFolder } from '../testing/temporary.ts'
import { createKuboRpc, kuboUrl } from './rpc.ts'

/** Content on a node whose Kubo has what `files` say, and answers as the test says. */
async function bench(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  more: { answer?: (call: KuboCall, theirs: Content) => boolean; clock?: Clock; silence?: number } = {},
) {
  const { answer = () => false, clock = systemClock, silence = 60_000 } = more
  const theirs = await temporaryContent(context)
  const { cid } = await theirs.add(await folderWith(context, files))
  const { endpoint, calls } = await kuboWith(context, theirs, (call) => answer(call, theirs))
  const rpc = createKuboRpc({ endpoint, clock, silence })
  const ours = await temporaryContent(context, { kubo: rpc })
  return { ours, theirs, cid, calls, rpc, endpoint }
}

/** Three blocks, none like another. */
const LARGE = Array.from({ length: 110_000 }, (_, index) => index).join()
const FILES = { a: 'one', 'folder/b': 'two', 'folder/c': LARGE }

describe('content from a Kubo', () => {
  test('comes as one CAR, and is here from then on', async (context) => {
    const { ours, cid, calls } = await bench(context, FILES)
    const target = path.join(await temporaryFolder(context), 'input')
    const came: number[] = []
    await ours.export({ cid, path: [] }, target, { onBytes: (count) => came.push(count) })
    assert.equal(await readFile(path.join(target, 'folder/c'), 'utf8'), FILES['folder/c'])
    assert.deepEqual(calls, [`POST dag/export ${cid.toString()}`])
    assert.ok(came.reduce((sum, count) => sum + count, 0) > 600_000)
    assert.ok(await ours.has({ cid, path: [] }))
  })

  test('below a path is all that is fetched', async (context) => {
    const { ours, cid, calls } = await bench(context, { ...FILES, other: 'y'.repeat(500_000) })
    const { bytes } = await ours.stat({ cid, path: ['folder', 'c'] })
    assert.equal(bytes, LARGE.length)
    assert.ok(
      calls.every((call) => call.startsWith('POST block/get')),
      calls.join(),
    )
    assert.equal((await gather(ours.cat({ cid, path: ['folder', 'b'] }))).toString(), 'two')
    assert.equal(await ours.has({ cid, path: ['other'] }), false)
  })

  test('may come in any order in which each block is linked from one before', async (context) => {
    const { ours, cid } = await bench(context, FILES, {
      answer({ command, response }, theirs) {
        if (command !== 'dag/export') return false
        void (async () => {
          // Level by level, the last first, and some of it twice.
          const root = { cid, path: [] }
          const parts: Uint8Array[] = [encodeCarHeader(cid)]
          const add = async (one: CID) => {
            const block = await theirs.block({ cid: one, path: [] })
            parts.push(encodeCarSection(one, block.length), block)
          }
          await add(cid)
          for (const entry of (await Array.fromAsync(theirs.list(root))).toReversed()) await add(entry.cid)
          const folder = await theirs.stat({ cid, path: ['folder'] })
          for (const entry of (await Array.fromAsync(theirs.list({ cid: folder.cid, path: [] }))).toReversed())
            await add(entry.cid)
          await add(folder.cid)
          for await (const chunk of theirs.car({
            cid: (await theirs.stat({ cid, path: ['folder', 'c'] })).cid,
            path: [],
          })) {
            if (parts.length > 0 && chunk.length > 1_000) parts.push(chunk)
          }
          response.end(Buffer.concat(parts))
        })()
        return true
      },
    })
    const target = path.join(await temporaryFolder(context), 'input')
    assert.equal((await ours.export({ cid, path: [] }, target)).files, 3)
  })

  test('is asked for only when no peer has it, and its own words are told', async (context) => {
    const { ours, calls } = await bench(context, FILES, {
      answer({ response }) {
        response.writeHead(500).end('{"Message":"block was not found locally (offline)","Code":0,"Type":"error"}')
        return true
      },
    })
    const nowhere = parseCid('QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u')
    await assert.rejects(gather(ours.cat({ cid: nowhere, path: [] })), {
      code: 'ContentNotFound',
      message: /the Kubo at 127.0.0.1:\d+: block was not found locally/,
    })
    assert.equal(calls.length, 1)
  })
})

describe('a Kubo that lies', () => {
  const lies: Readonly<Record<string, { answer: (call: KuboCall, theirs: Content) => boolean; message: RegExp }>> = {
    'sends other bytes under the right name': {
      answer({ command, arg, response }) {
        if (command !== 'dag/export') return false
        const cid = parseCid(arg)
        response.end(Buffer.concat([encodeCarHeader(cid), encodeCarSection(cid, 3), Buffer.from('bad')]))
        return true
      },
      message: /a block is not what its CID/,
    },
    'sends blocks that nobody asked for': {
      answer({ command, arg, response }, theirs) {
        if (command !== 'dag/export') return false
        void (async () => {
          const { cid } = await theirs.add(flow('stranger'))
          const block = await theirs.block({ cid, path: [] })
          response.end(Buffer.concat([encodeCarHeader(parseCid(arg)), encodeCarSection(cid, block.length), block]))
        })()
        return true
      },
      message: /is no part of/,
    },
    'leaves out the end': {
      answer({ command, arg, response }, theirs) {
        if (command !== 'dag/export') return false
        void gather(theirs.car({ cid: parseCid(arg), path: [] })).then((car) => response.end(car.subarray(0, 300_000)))
        return true
      },
      message: /ends too early/,
    },
    'says at the end that it went wrong': {
      answer({ command, arg, response }, theirs) {
        if (command !== 'dag/export') return false
        response.writeHead(200, { trailer: 'X-Stream-Error' })
        void (async () => {
          const cid = parseCid(arg)
          const block = await theirs.block({ cid, path: [] })
          response.write(Buffer.concat([encodeCarHeader(cid), encodeCarSection(cid, block.length), block]))
          response.addTrailers({ 'X-Stream-Error': 'context canceled' })
          response.end()
        })()
        return true
      },
      message: /context canceled/,
    },
    'sends no CAR at all': {
      answer({ response }) {
        response.end('<html>hello</html>')
        return true
      },
      message: /ends too early/,
    },
  }
  for (const [name, { answer, message }] of Object.entries(lies)) {
    test(`and ${name} is found out`, async (context) => {
      const { ours, cid } = await bench(context, FILES, { answer })
      const target = path.join(await temporaryFolder(context), 'input')
      await assert.rejects(ours.export({ cid, path: [] }, target), { code: 'ContentNotFound', message })
      assert.equal(await ours.has({ cid, path: [] }), false)
    })
  }

  test('and never ends is cut off where the caller has said', async (context) => {
    const { ours, cid, theirs } = await bench(context, FILES)
    assert.ok(theirs)
    const target = path.join(await temporaryFolder(context), 'input')
    await assert.rejects(ours.export({ cid, path: [] }, target, { maxBytes: 1_000 }), { code: 'ContentTooLarge' })
    assert.deepEqual(ours.usage(), { blocks: 0, bytes: 0 }, 'nothing of it is kept')
  })

  test('and a single block that is too long is not read to its end', async (context) => {
    const { ours, cid } = await bench(context, FILES, {
      answer({ response }) {
        const more = () => {
          while (response.write(Buffer.alloc(1024 * 1024)));
        }
        response.on('drain', more)
        more()
        return true
      },
    })
    await assert.rejects(ours.stat({ cid, path: [] }), { code: 'ContentTooLarge' })
  })

  test('and falls silent is given up', async (context) => {
    const silent = { answer: () => true, silence: 20 }
    const { ours, cid } = await bench(context, FILES, silent)
    await assert.rejects(ours.stat({ cid, path: [] }), {
      code: 'ContentNotFound',
      message: /nothing came for 0.02 seconds/,
    })
  })

  test('and is not there is named', async (context) => {
    const rpc = createKuboRpc({ endpoint: 'http://127.0.0.1:1', clock: systemClock, silence: 1_000 })
    const ours = await temporaryContent(context, { kubo: rpc })
    const cid = parseCid('QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u')
    await assert.rejects(ours.stat({ cid, path: [] }), { message: /the Kubo at 127.0.0.1:1: .*ECONNREFUSED/ })
  })
})

describe('the address of a Kubo', () => {
  test('is a multiaddr or a URL', () => {
    for (const [text, url] of [
      ['/ip4/127.0.0.1/tcp/5001', 'http://127.0.0.1:5001/'],
      ['/ip6/::1/tcp/5001', 'http://[::1]:5001/'],
      ['/dns4/kubo.example/tcp/443/https', 'https://kubo.example/'],
      ['/dns/kubo.example/tcp/5001/http', 'http://kubo.example:5001/'],
      ['http://10.0.0.1:5001/behind/proxy', 'http://10.0.0.1:5001/behind/proxy'],
    ] as const) {
      assert.equal(kuboUrl(text).href, url)
    }
    for (const text of ['', 'localhost', 'ftp://x', '/ip4/127.0.0.1/udp/5001', '/unix/x', '/ip4/1.2.3.4/tcp/x']) {
      assert.throws(() => kuboUrl(text), { code: 'ConfigurationError' }, text)
    }
  })
})
