import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { packTar } from 'modern-tar'
import { ask, temporaryApi } from '../testing/api.ts'

/** CIDs that Kubo's `ipfs add` gives. */
const HELLO = 'QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o'
const EMPTY = 'QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH'
const HELLO_V1 = 'bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (stream: ReadableStream<Uint8Array>) => new Response(stream).text()

describe('adding data', () => {
  test('gives the CID of `ipfs add`, for bytes and for streams', async (context) => {
    const { client } = await temporaryApi(context)
    async function* stream() {
      for (const part of ['hello ', 'world\n']) yield bytes(part)
    }
    const added = { CID: HELLO, Bytes: 12, Files: 1 }
    assert.deepEqual(await client.data.add(bytes('hello world\n')), added)
    assert.deepEqual(await client.data.add(stream()), added)
    assert.deepEqual(await client.data.add(new Blob(['hello world\n'])), added)
    assert.equal((await client.data.add(bytes('hello world\n'), { cidVersion: 1 })).CID, HELLO_V1)
    assert.equal((await client.data.add(bytes(''))).CID, EMPTY)
  })

  test('takes an empty body for an empty file, and POST for PUT', async (context) => {
    const { url } = await temporaryApi(context)
    const { body } = await ask(`${url}/api/v1/data`, { method: 'PUT' })
    assert.equal((body as { CID: string }).CID, EMPTY)
    const posted = await ask(`${url}/api/v1/data`, {
      method: 'POST',
      body: '{"any":',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(posted.status, 200)
  })

  test('takes more than a document may have', async (context) => {
    const { client } = await temporaryApi(context)
    const size = 24 * 1024 * 1024
    assert.equal((await client.data.add(new Uint8Array(size))).Bytes, size)
  })

  test('puts a file into a folder under its name', async (context) => {
    const { client } = await temporaryApi(context)
    const { CID } = await client.data.add(bytes('hello world\n'), { name: 'näme' })
    assert.deepEqual(await client.data.ls(CID), [{ Name: 'näme', CID: HELLO, Bytes: 12, Type: 'file' }])
  })

  test('takes a folder as a tar', async (context) => {
    const { client } = await temporaryApi(context)
    const archive = await packTar([
      { header: { name: './', size: 0, type: 'directory' } },
      { header: { name: './a.txt', size: 12 }, body: 'hello world\n' },
      { header: { name: 'sub/', size: 0, type: 'directory' } },
      { header: { name: 'sub/link', size: 0, type: 'symlink', linkname: '../a.txt' } },
    ])
    const { CID, Bytes, Files } = await client.data.add(archive, { tar: true })
    assert.deepEqual([Bytes, Files], [12, 2])
    const names = (await client.data.ls(CID)).map(({ Name, Type }) => `${Name} ${Type}`)
    assert.deepEqual(names, ['a.txt file', 'sub directory'])
    assert.deepEqual(
      (await client.data.ls(`${CID}/sub`)).map(({ Type }) => Type),
      ['symlink'],
    )
    assert.equal(await text(await client.data.get(`${CID}/a.txt`)), 'hello world\n')
  })

  test('refuses a bad archive and leaves nothing behind', async (context) => {
    const { client } = await temporaryApi(context)
    for (const name of ['../evil', '/etc/evil', 'a/../../evil', 'fine', 'fine/below']) {
      const archive = await packTar([
        { header: { name: 'fine', size: 12 }, body: 'hello world\n' },
        { header: { name, size: 1 }, body: 'x' },
      ])
      await assert.rejects(client.data.add(archive, { tar: true }), { status: 400, code: 'BadRequest' }, name)
    }
    await assert.rejects(client.data.add(bytes('nonsense'), { tar: true }), { status: 400, code: 'BadRequest' })
    assert.deepEqual(await client.data.pins(), [])
    assert.equal((await client.data.gc()).Blocks, 0)
  })

  test('refuses names and versions that are none', async (context) => {
    const { url } = await temporaryApi(context)
    for (const query of ['name=a%2Fb', 'name=..', 'name=%00', 'cid-version=2', `name=${'x'.repeat(300)}`]) {
      assert.equal((await ask(`${url}/api/v1/data?${query}`, { method: 'PUT', body: 'x' })).status, 400, query)
    }
  })

  test('of a caller who hangs up is forgotten', async (context) => {
    const { client, content, port } = await temporaryApi(context)
    const failed = Promise.withResolvers<unknown>()
    const { add } = content
    content.add = async (...args) => {
      try {
        return await add.apply(content, args)
      } catch (error) {
        failed.resolve(error)
        throw error
      }
    }
    const socket = connect(port, '127.0.0.1')
    socket.write('PUT /api/v1/data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nsome')
    socket.once('connect', () => setImmediate(() => socket.destroy()))
    await failed.promise
    assert.deepEqual(await client.data.pins(), [])
  })
})

describe('data', () => {
  test('is listed: a folder by its entries, a file by itself', async (context) => {
    const { client } = await temporaryApi(context)
    const { CID } = await client.data.add(bytes('hello world\n'))
    assert.deepEqual(await client.data.ls(CID), [{ Name: '', CID, Bytes: 12, Type: 'file' }])
  })

  test('is pinned until it is unpinned, and then collected', async (context) => {
    const { client } = await temporaryApi(context)
    const { CID } = await client.data.add(bytes('hello world\n'))
    assert.deepEqual(await client.data.pins(), [CID])
    assert.equal((await client.data.gc()).Blocks, 0)
    await client.data.unpin(CID)
    await assert.rejects(client.data.unpin(CID), { status: 404, message: `${CID} is not pinned` })
    const { Blocks, Bytes } = await client.data.gc()
    assert.equal(Blocks, 1)
    assert.ok(Bytes > 0)
    await assert.rejects(client.data.ls(CID), { status: 404, code: 'ContentNotFound' })
  })

  test('is asked for by a proper CID', async (context) => {
    const { client, url } = await temporaryApi(context)
    await assert.rejects(client.data.ls('nonsense'), { status: 400, code: 'InvalidCid' })
    await assert.rejects(client.data.unpin('nonsense'), { status: 400, code: 'InvalidCid' })
    await assert.rejects(client.data.ls(`${HELLO}/../x`), { status: 400, code: 'BadRequest' })
    assert.equal((await ask(`${url}/api/v1/data/ls`)).status, 400)
  })
})
