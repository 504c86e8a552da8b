import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { createClient } from '@bacalhau/client'
import { temporaryApi } from '../../api/testing/api.ts'
import { lightFetch } from './light-fetch.ts'

async function serverOf(context: TestContext, handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('calls over plain HTTP', () => {
  test('carry method, headers and body, and give status, headers and text', async (context) => {
    const url = await serverOf(context, (request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (part: string) => (body += part))
      request.on('end', () => {
        response.writeHead(418, { 'x-request-id': 'r-1' })
        response.end(`${request.method} ${String(request.headers['x-a'])} ${body}`)
      })
    })
    const answer = await lightFetch(url, { method: 'PUT', headers: { 'x-a': '1' }, body: 'grüße' })
    assert.deepEqual([answer.status, answer.ok, answer.headers.get('X-Request-ID')], [418, false, 'r-1'])
    assert.equal(answer.headers.get('missing'), null)
    assert.equal(await answer.text(), 'PUT 1 grüße')
  })

  test('give a body as a stream, and let go of it', async (context) => {
    const gone = Promise.withResolvers<void>()
    const url = await serverOf(context, (_, response) => {
      response.write('first')
      response.on('close', () => gone.resolve())
    })
    for await (const part of (await lightFetch(url, {})).body ?? []) {
      assert.equal(Buffer.from(part).toString(), 'first')
      break
    }
    await gone.promise
  })

  test('end with the reason of the signal, before, during and after the head', async (context) => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const silent = await serverOf(context, () => controller.abort(reason))
    await assert.rejects(lightFetch(silent, { signal: controller.signal }), reason)
    await assert.rejects(lightFetch(silent, { signal: controller.signal }), reason)
    const later = new AbortController()
    const half = await serverOf(context, (_, response) => response.write('half'))
    const answer = await lightFetch(half, { signal: later.signal })
    setImmediate(() => later.abort(reason))
    await assert.rejects(answer.text(), reason)
  })

  test('follow a redirection, and send streams', async (context) => {
    const url = await serverOf(context, (request, response) => {
      if (request.url === '/old') response.writeHead(301, { location: '/new' }).end()
      else request.pipe(response)
    })
    assert.equal((await lightFetch(`${url}/old`, {})).status, 200)
    const init = { method: 'POST', body: ReadableStream.from([Buffer.from('streamed')]), duplex: 'half' } as RequestInit
    assert.equal(await (await lightFetch(url, init)).text(), 'streamed')
  })

  test('serve the client like any other, errors included', async (context) => {
    const { url, stop } = await temporaryApi(context)
    const client = createClient({ baseUrl: url, fetch: lightFetch, retry: { tries: 1 } })
    await client.agent.alive()
    const { CID } = await client.data.add('content')
    assert.equal(await new Response(await client.data.get(CID)).text(), 'content')
    await assert.rejects(client.jobs.get('nope'), { code: 'NotFound', status: 404 })
    await stop()
    await assert.rejects(client.agent.alive(), { code: 'Unreachable', status: 0 })
  })

  test('do not load the fetch of Node', () => {
    const code = `
      const { lightFetch } = await import(${JSON.stringify(import.meta.resolve('./light-fetch.ts'))})
      await lightFetch('http://127.0.0.1:9/', {}).catch(() => {})
      console.log(process.moduleLoadList.filter((name) => name.includes('undici')).length)`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
    assert.equal(stdout.trim(), '0', stderr)
  })
})
