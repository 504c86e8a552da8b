import assert from 'node:assert/strict'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { SpecConfig } from '@bacalhau/models'
import fc from 'fast-check'
import { packTar, type TarEntry } from 'modern-tar'
import { startTestHosts } from '../../network/fixtures/test-host.ts'
import { flow, temporaryContent, temporaryFolder } from '../../content/testing/temporary.ts'
import { isBacalhauError } from '../../runtime/error.ts'
import { describeSource } from '../compliance.ts'
import { openInputCache } from '../input-cache.ts'
import { parseDataUrl } from './data-url.ts'
import { createInlineSource, type InlineSupply } from './inline.ts'

const spec = (URL: unknown): SpecConfig => ({ Type: 'inline', Params: { URL } })
const { signal } = new AbortController()

const file = (name: string, body: string): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), type: 'file' },
  body,
})
const link = (name: string, linkname: string): TarEntry => ({ header: { name, size: 0, type: 'symlink', linkname } })

async function archive(...entries: TarEntry[]): Promise<SpecConfig> {
  return spec(`data:application/gzip;base64,${gzipSync(await packTar(entries)).toString('base64')}`)
}

describeSource('inline', async () => ({
  source: createInlineSource(),
  good: [
    { spec: spec(`data:;base64,${Buffer.from('some text').toString('base64')}`), holds: 'some text' },
    { spec: spec('data:text/plain;charset=utf-8,a%20b+c'), holds: 'a b+c' },
    { spec: spec('data:,'), holds: '' },
    { spec: await archive(file('folder/a', 'one'), file('./b', 'two')), holds: { 'folder/a': 'one', b: 'two' } },
  ],
  invalid: [spec(undefined), spec(''), spec('http://x/y'), spec('data:'), spec('data:;base64,!'), spec(7)],
  missing: spec(`data:application/gzip;base64,${Buffer.from('not gzip').toString('base64')}`),
}))

const kept = (CID: unknown, MediaType?: string): SpecConfig => ({
  Type: 'inline',
  Params: { CID, ...(MediaType === undefined ? {} : { MediaType }) },
})

describeSource('inline, kept by an orchestrator', async (context) => {
  const content = await temporaryContent(context)
  const add = async (data: string | Uint8Array) => (await content.add(flow(data), { cidVersion: 1 })).cid.toString()
  const packed = gzipSync(await packTar([file('folder/a', 'one'), file('b', 'two')]))
  const text = await add('some text')
  return {
    source: createInlineSource({
      content,
      cache: await openInputCache(path.join(await temporaryFolder(context), 'inputs')),
    }),
    good: [
      { spec: kept(text, ''), holds: 'some text' },
      { spec: kept(text, 'text/plain;charset=utf-8'), holds: 'some text' },
      { spec: kept(await add(packed), 'application/gzip'), holds: { 'folder/a': 'one', b: 'two' } },
      { spec: kept(await add(packed), 'application/wasm'), holds: packed.toString() },
      { spec: kept(await add('data:,a%20b')), holds: 'a b' },
      { spec: kept(await add(`data:application/gzip,${escaped(packed)}`)), holds: { 'folder/a': 'one', b: 'two' } },
    ],
    invalid: [
      kept(undefined, ''),
      kept(7, ''),
      kept('nonsense', ''),
      kept(text, 'no type'),
      { Type: 'inline', Params: { CID: text, URL: 'data:,' } },
      { Type: 'inline', Params: { MediaType: '', URL: 'data:,' } },
    ],
    missing: kept('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e', ''),
  }
})

const escaped = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

describe('content kept by an orchestrator', () => {
  async function supply(context: TestContext, inner: InlineSupply['content']) {
    const calls = { read: 0 }
    const content: InlineSupply['content'] = {
      has: (ref) => inner.has(ref),
      stat: (ref, options) => inner.stat(ref, options),
      cat(...parameters) {
        calls.read += 1
        return inner.cat(...parameters)
      },
      export(...parameters) {
        calls.read += 1
        return inner.export(...parameters)
      },
    }
    const cache = await openInputCache(path.join(await temporaryFolder(context), 'inputs'))
    return { source: createInlineSource({ content, cache }), calls }
  }

  test('is read once for all executions, at the same time and after each other', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('module'), { cidVersion: 1 })
    const { source, calls } = await supply(context, content)
    const prepare = () => source.prepare(kept(cid.toString(), 'application/wasm'), '/nowhere', signal)
    const first = await Promise.all([prepare(), prepare()])
    for (const input of first) await input.release()
    const later = await prepare()
    assert.equal(await readFile(later.hostPath, 'utf8'), 'module')
    assert.deepEqual(await source.measure(kept(cid.toString(), ''), signal), { bytes: 6, local: true })
    assert.deepEqual([later.hostPath, calls.read], [first[0].hostPath, 1])
  })

  test('comes from the orchestrator', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const orchestrator = await temporaryContent(context, { host: theirs! })
    const { cid } = await orchestrator.add(flow('module'), { cidVersion: 1 })
    const { source } = await supply(context, await temporaryContent(context, { host: ours }))
    const spec = kept(cid.toString(), 'application/wasm')
    assert.deepEqual(await source.measure(spec, signal), { bytes: 6, local: false })
    const { hostPath, kind } = await source.prepare(spec, '/nowhere', signal)
    assert.deepEqual([await readFile(hostPath, 'utf8'), kind], ['module', 'file'])
  })

  test('is no more than an inline input may be', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow(Buffer.alloc(11_000_000)))
    const { source } = await supply(context, content)
    for (const mediaType of ['', 'application/gzip', undefined]) {
      const preparing = source.prepare(kept(cid.toString(), mediaType), '/nowhere', signal)
      await assert.rejects(preparing, { code: 'ContentTooLarge' })
    }
  })

  test('is out of reach of a node without content', async (context) => {
    const folder = await temporaryFolder(context)
    const spec = kept('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e', '')
    await assert.rejects(createInlineSource().prepare(spec, folder, signal), { code: 'InputFailed' })
  })
})

describe('an inline file', () => {
  test('point 19: stays a file however long it is, and is gone when it is released', async (context) => {
    for (const bytes of [512, 513, 100_000]) {
      const folder = await temporaryFolder(context)
      const data = Buffer.alloc(bytes, 'x')
      const input = await createInlineSource().prepare(spec(`data:;base64,${data.toString('base64')}`), folder, signal)
      assert.deepEqual([input.kind, (await readFile(input.hostPath)).length], ['file', bytes])
      await input.release()
      assert.deepEqual(await readdir(folder), [])
    }
  })
})

describe('data URLs', () => {
  test('give their bytes back, however they are written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const data = Buffer.from(bytes)
        for (const url of [
          `data:;base64,${data.toString('base64')}`,
          `data:x/y;BASE64,${encodeURIComponent(data.toString('base64'))}`,
          `data:x/y;base64,${data.toString('base64url')}`,
          `data:,${escaped(bytes)}`,
        ]) {
          assert.equal(Buffer.compare(parseDataUrl(url).bytes, data), 0, url)
        }
      }),
    )
  })

  test('say what they hold', () => {
    assert.equal(parseDataUrl('DATA:Application/GZip;a=b;base64,').mediaType, 'application/gzip')
    assert.equal(parseDataUrl('data:,').mediaType, 'text/plain')
  })

  test('that are none are refused, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const url of [text, `data:${text}`, `data:;base64,${text}`]) {
          try {
            parseDataUrl(url)
          } catch (error) {
            assert.ok(isBacalhauError(error) && error.code === 'ValidationError', String(error))
          }
        }
      }),
    )
  })
})

describe('archives', () => {
  async function unpacking(context: TestContext, input: SpecConfig) {
    const folder = await temporaryFolder(context)
    const outcome = await createInlineSource()
      .prepare(input, folder, signal)
      .catch((error: unknown) => error)
    return { outcome, left: await readdir(folder), at: path.join(folder, 'inline') }
  }

  test('may have links that stay inside, and empty folders', async (context) => {
    const empty: TarEntry = { header: { name: 'empty/', size: 0, type: 'directory' } }
    const { at } = await unpacking(context, await archive(empty, file('a/b', 'x'), link('a/to', '../empty')))
    assert.equal(await readlink(path.join(at, 'a/to')), '../empty')
    assert.ok((await lstat(path.join(at, 'empty'))).isDirectory())
  })

  for (const [why, entries] of [
    ['a path that leaves', [file('../x', 'x')]],
    ['an absolute path', [file('/tmp/x', 'x')]],
    ['a link that leaves', [link('a', '../..')]],
    ['an absolute link', [link('a', '/etc/passwd')]],
    ['a file through a link', [file('b/c', 'x'), link('a', 'b'), file('a/d', 'x')]],
    ['a file over a link', [link('a', 'b'), file('a', 'x')]],
    ['a file twice', [file('a', 'x'), file('a', 'y')]],
    ['a hard link', [{ header: { name: 'a', size: 0, type: 'link', linkname: 'b' } }]],
    ['a device', [{ header: { name: 'a', size: 0, type: 'character-device' } }]],
  ] as [string, TarEntry[]][]) {
    test(`with ${why} are refused, and leave nothing`, async (context) => {
      const { outcome, left } = await unpacking(context, await archive(file('fine', 'x'), ...entries))
      assert.equal(Object(outcome).code, 'InputFailed')
      assert.deepEqual(left, [])
    })
  }

  test('that unpack to far more than they are are refused', async (context) => {
    const { outcome, left } = await unpacking(context, await archive(file('zeros', '\0'.repeat(17_000_000))))
    assert.match(String(outcome), /unpacked it has more than 16777216 bytes/)
    assert.deepEqual(left, [])
  })

  test('that break off are refused', async (context) => {
    const bytes = gzipSync(await packTar([file('a', 'x'.repeat(10_000))]))
    const url = `data:application/gzip;base64,${bytes.subarray(0, -20).toString('base64')}`
    const { outcome, left } = await unpacking(context, spec(url))
    assert.equal(Object(outcome).code, 'InputFailed')
    assert.deepEqual(left, [])
  })

  test('are measured by what they unpack to', async () => {
    const input = await archive(file('a', 'x'.repeat(100_000)))
    const { bytes, local } = await createInlineSource().measure(input, signal)
    assert.ok(bytes >= 100_000 && bytes < 110_000 && local)
  })
})
