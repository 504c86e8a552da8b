import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { describe, test, type TestContext } from 'node:test'
import type { Job, SpecConfig } from '@bacalhau/models'
import { flow, temporaryContent, temporaryFolder } from '../content/testing/temporary.ts'
import { tarEntries } from '../content/tar-entries.ts'
import { sampleJob } from '../link/fixtures/samples.ts'
import { createInlineData } from '../orchestrator/inline-data.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createGoInputs } from './go-inputs.ts'
import { createVault } from './vault.ts'
import { createGunzip } from 'node:zlib'

const { signal } = new AbortController()
const jobWith = (...sources: SpecConfig[]): Job =>
  sampleJob({ InputSources: sources.map((Source, index) => ({ Source, Alias: '', Target: `/in${index}` })) })

async function world(context: TestContext) {
  const content = await temporaryContent(context)
  const data = createInlineData(createVault(content))
  const prepare = createGoInputs({ content, restore: data.restore })
  const sources = async (job: Job) =>
    ((await prepare(job, signal)).Tasks[0]?.InputSources ?? []).map(({ Source }) => Source)
  return { content, data, prepare, sources }
}

const urlOf = (source: SpecConfig | undefined): string => String(source?.Params?.['URL'])
const bytesOf = (source: SpecConfig | undefined): Buffer => Buffer.from(urlOf(source).split(',')[1] ?? '', 'base64')

describe('inputs for a Go node', () => {
  test('of files in the store of this node go along', async (context) => {
    const { content, sources } = await world(context)
    const { cid } = await content.add(flow('a module'))
    const [source] = await sources(jobWith({ Type: 'IPFS', Params: { cid: cid.toString() } }))
    assert.deepEqual([source?.Type, bytesOf(source).toString()], ['inline', 'a module'])
    assert.match(urlOf(source), /^data:application\/octet-stream;base64,/)
    const { cid: wasm } = await content.add(flow('\0asm\x01\0\0\0'))
    const [module] = await sources(jobWith({ Type: 'ipfs', Params: { CID: wasm.toString() } }))
    assert.equal(urlOf(module), 'data:application/wasm;base64,AGFzbQEAAAA=')
  })

  test('that are its modules have a name section, as its engine demands', async (context) => {
    const { prepare } = await world(context)
    const bare = Buffer.from('\0asm\x01\0\0\0')
    const inline = (bytes: Buffer): SpecConfig => ({
      Type: 'inline',
      Params: { URL: `data:application/wasm;base64,${bytes.toString('base64')}` },
    })
    const job = jobWith(inline(bare), inline(bare), inline(bare), inline(Buffer.from('\0asm?')))
    const Engine = { Type: 'wasm', Params: { EntryModule: '/in0', ImportModules: ['/in1', '/in3'] } }
    const { Tasks } = await prepare({ ...job, Tasks: job.Tasks.map((task) => ({ ...task, Engine })) }, signal)
    const bytes = (Tasks[0]?.InputSources ?? []).map(({ Source }) => bytesOf(Source))
    const names = bytes
      .slice(0, 3)
      .map((module) => WebAssembly.Module.customSections(new WebAssembly.Module(module), 'name'))
    assert.deepEqual(
      names.map((sections) => sections.length),
      [1, 1, 0],
    )
    assert.deepEqual(bytes[3], Buffer.from('\0asm?'))
  })

  test('of folders go along as an archive without a leading folder', async (context) => {
    const { content, sources } = await world(context)
    const folder = path.join(await temporaryFolder(context), 'tree')
    await mkdir(path.join(folder, 'sub'), { recursive: true })
    await writeFile(path.join(folder, 'a.txt'), 'one')
    await writeFile(path.join(folder, 'sub', 'b.txt'), 'two')
    const { cid } = await content.add(folder)
    const [source, file] = await sources(
      jobWith(
        { Type: 'ipfs', Params: { CID: cid.toString() } },
        { Type: 'ipfs', Params: { CID: cid.toString(), Path: 'sub/b.txt' } },
      ),
    )
    assert.match(urlOf(source), /^data:application\/gzip;base64,/)
    const found: Record<string, string> = {}
    for await (const entry of tarEntries(
      Readable.from([bytesOf(source)]).pipe(createGunzip()) as AsyncIterable<Uint8Array>,
    )) {
      if (!('content' in entry)) continue
      found[entry.path] = Buffer.concat(await Array.fromAsync(entry.content)).toString()
    }
    assert.deepEqual(found, { 'a.txt': 'one', 'sub/b.txt': 'two' })
    assert.equal(bytesOf(file).toString(), 'two')
  })

  test('of inline data that were put aside are given back', async (context) => {
    const { data, sources } = await world(context)
    const URL = `data:application/wasm;base64,${Buffer.alloc(5_000, 7).toString('base64')}`
    const stowed = await data.stow(jobWith({ Type: 'inline', Params: { URL } }))
    assert.notEqual(urlOf(stowed.Tasks[0]?.InputSources[0]?.Source), URL)
    assert.deepEqual(await sources(stowed), [{ Type: 'inline', Params: { URL } }])
  })

  test('that are not here, are too much together, or are of another kind stay as they are', async (context) => {
    const { content, sources } = await world(context)
    const { cid: large } = await content.add(flow(Buffer.alloc(LIMITS.goInlined)))
    const { cid: small } = await content.add(flow('x'))
    const ipfs = (CID: string) => ({ Type: 'ipfs', Params: { CID } })
    const others = [
      ipfs('QmWqeQQpFds39o21Lyc1jTob5yz6ZKJSnd527ncm76h6aP'),
      ipfs('none'),
      { Type: 'ipfs' },
      { Type: 'urlDownload', Params: { URL: 'http://192.0.2.1/' } },
    ]
    assert.deepEqual(await sources(jobWith(...others)), others)
    const [first, second] = await sources(jobWith(ipfs(large.toString()), ipfs(small.toString())))
    assert.deepEqual([first?.Type, second], ['inline', ipfs(small.toString())])
  })

  test('are read once for the executions of an offer', async (context) => {
    const { content, prepare } = await world(context)
    const { cid } = await content.add(flow('x'))
    const job = jobWith({ Type: 'ipfs', Params: { CID: cid.toString() } })
    assert.equal(await prepare(job, signal), await prepare(job, signal))
  })
})
