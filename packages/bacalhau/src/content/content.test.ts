import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { startTestHosts } from '../network/fixtures/test-host.ts'
import { parseContentRef } from './cid.ts'
import { rawBlock } from './testing/blocks.ts'
import { kuboRandomBytes } from './testing/kubo-random.ts'
import { flow, folderWith, gather, temporaryContent, temporaryFolder } from './testing/temporary.ts'

const ref = (cid: { toString(): string }, ...path: string[]) => parseContentRef([cid.toString(), ...path].join('/'))

describe('reading', () => {
  test('gives files, parts of files, and lists of folders', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(await folderWith(context, { 'a/b': '0123456789', c: '' }))
    assert.equal(String(await gather(content.cat(ref(cid, 'a', 'b'), { offset: 3, length: 4 }))), '3456')
    const entries = await Array.fromAsync(content.list(ref(cid)))
    assert.deepEqual(
      entries.map(({ name, kind }) => [name, kind]),
      [
        ['a', 'folder'],
        ['c', 'file'],
      ],
    )
    const [file] = await Array.fromAsync(content.list(ref(cid, 'a', 'b')))
    assert.deepEqual([file?.name, file?.kind, file?.bytes], ['', 'file', 10])
    assert.deepEqual((await content.stat(ref(cid, 'c'))).bytes, 0)
  })

  test('gives blocks as they are stored', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('raw'), { cidVersion: 1 })
    assert.equal(String(Buffer.from(await content.block(ref(cid)))), 'raw')
  })

  test('of a folder as a file, or the other way round, is refused', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(await folderWith(context, { file: 'x' }))
    await assert.rejects(gather(content.cat(ref(cid))), { code: 'BadRequest' })
    await assert.rejects(content.stat(ref(cid, 'file', 'below')), { code: 'NotFound' })
  })

  test('without a swarm finds only what is here', async (context) => {
    const content = await temporaryContent(context)
    const nowhere = ref(rawBlock('nowhere').cid)
    assert.equal(await content.has(nowhere), false)
    await assert.rejects(content.stat(nowhere), { code: 'ContentNotFound', message: /there is no peer to ask/ })
    await assert.rejects(content.pin(nowhere.cid), { code: 'ContentNotFound' })
    await assert.rejects(gather(content.car(nowhere)), { code: 'ContentNotFound' })
  })

  test('goes on while garbage is collected', async (context) => {
    const content = await temporaryContent(context)
    const data = kuboRandomBytes(3_000_000, 'unpinned')
    const { cid } = await content.add(flow(data))
    content.unpin(cid)
    const reading = content.cat(ref(cid))
    const first = await reading.next()
    assert.equal((await content.collect()).blocks, 0)
    const rest = await gather(reading)
    assert.equal(Buffer.compare(Buffer.concat([first.value ?? Buffer.of(), rest]), data), 0)
    assert.ok((await content.collect()).blocks > 0)
  })

  test('that was given up lets garbage go', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow(kuboRandomBytes(3_000_000, 'given up')))
    content.unpin(cid)
    for await (const chunk of content.cat(ref(cid))) {
      assert.ok(chunk.length > 0)
      break
    }
    assert.ok((await content.collect()).blocks > 0)
  })
})

describe('pins', () => {
  test('stay over a restart', async (context) => {
    const folder = await temporaryFolder(context)
    const first = await temporaryContent(context, { folder })
    const [kept, dropped] = [await first.add(flow('kept')), await first.add(flow('dropped'))]
    assert.ok(first.unpin(dropped.cid))
    await first.stop()
    const second = await temporaryContent(context, { folder })
    assert.deepEqual(second.pins(), [kept.cid.toString()])
    await second.collect()
    assert.deepEqual([await second.has(ref(kept.cid)), await second.has(ref(dropped.cid))], [true, false])
  })

  test('of several owners are each removed on their own', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('shared'))
    await content.pin(cid, { pinAs: 'job/1' })
    await content.pin(cid, { pinAs: 'job/2' })
    const { cid: other } = await content.add(flow('other'), { pinAs: 'job/1' })
    assert.deepEqual([content.pins(), content.pins('job/1').length], [[cid.toString()], 2])
    assert.deepEqual([content.unpin(cid), content.unpin(cid)], [true, false])
    assert.equal(content.unpinAll('job/1'), 2)
    await content.collect()
    assert.deepEqual([await content.has(ref(cid)), await content.has(ref(other))], [true, false])
    assert.deepEqual([content.unpin(cid, 'job/1'), content.unpin(cid, 'job/2')], [false, true])
    await content.collect()
    assert.equal(content.usage().blocks, 0)
  })

  test('of an older layout, without names, are those of the user', async (context) => {
    const folder = await temporaryFolder(context)
    const first = await temporaryContent(context, { folder })
    const { cid } = await first.add(flow('old'), { pinAs: 'to be replaced' })
    await first.stop()
    const database = new DatabaseSync(path.join(folder, 'blocks.db'))
    database.exec('DROP TABLE named_pin')
    database.prepare('INSERT INTO pin (cid) VALUES (?)').run(cid.toString())
    database.close()
    for (const pins of [[cid.toString()], []]) {
      const content = await temporaryContent(context, { folder })
      assert.deepEqual(content.pins(), pins)
      await content.collect()
      assert.equal(await content.has(ref(cid)), pins.length > 0)
      content.unpin(cid)
      await content.stop()
    }
  })

  test('of what is there and pinned already write nothing', async (context) => {
    const folder = await temporaryFolder(context)
    const content = await temporaryContent(context, { folder })
    const { cid } = await content.add(flow(kuboRandomBytes(400_000, 'again')), { pinAs: 'a' })
    const written = async () => (await stat(path.join(folder, 'blocks.db-wal'))).mtimeMs
    const before = await written()
    assert.ok((await content.add(flow(kuboRandomBytes(400_000, 'again')), { pinAs: 'a' })).cid.equals(cid))
    await content.pin(cid, { pinAs: 'a' })
    assert.equal(await written(), before)
    assert.equal((await readdir(path.join(folder, 'packs'))).length, 1)
    await content.pin(cid, { pinAs: 'b' })
    assert.notEqual(await written(), before)
  })

  test('keep what was added while garbage was collected', async (context) => {
    const content = await temporaryContent(context)
    const rounds = Array.from({ length: 8 }, async (_, index) => {
      const added = content.add(flow(kuboRandomBytes(400_000, String(index))))
      await content.collect()
      return added
    })
    for (const { cid } of await Promise.all(rounds)) assert.ok(await content.has(ref(cid)))
  })
})

test('stopping ends what is under way, and is harmless twice', async (context) => {
  const [host, silent] = await startTestHosts(context, 2)
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  await silent!.handle('/bacalhau/car/1.0.0', async () => {
    resolve()
    await new Promise(() => {})
  })
  const content = await temporaryContent(context, { host })
  const reading = assert.rejects(content.stat(ref(rawBlock('nowhere').cid)), { code: 'ServiceUnavailable' })
  await asked
  await content.stop()
  await reading
  await content.stop()
})

/** Runs a process that adds and collects, kills it after `count` adds, and gives what it said was added and not unpinned. */
async function killInTheMiddle(context: TestContext, folder: string, count: number): Promise<string[]> {
  const script = path.join(import.meta.dirname, 'testing/add-until-killed.ts')
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  context.after(() => child.kill('SIGKILL'))
  const added: string[] = []
  for await (const line of createInterface(child.stdout)) {
    added.push(line)
    if (added.length === count) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return added.filter((_, index) => index % 5 !== 4)
}

test('a process that is killed loses nothing that it had said was added', async (context) => {
  const folder = await temporaryFolder(context)
  for (const count of [7, 12, 23]) {
    const added = await killInTheMiddle(context, folder, count)
    const content = await temporaryContent(context, { folder })
    for (const cid of added) assert.ok(await content.has(ref(cid)), cid)
    for (const cid of content.pins()) assert.ok(await content.has(ref(cid)), `the pin ${cid} is complete`)
    await content.collect()
    const { bytes } = content.usage()
    for (const cid of content.pins()) content.unpin(parseContentRef(cid).cid)
    await content.collect()
    assert.ok(bytes > 0)
    assert.deepEqual(await readdir(path.join(folder, 'packs')), [])
    await content.stop()
  }
})
