import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { parseCid } from '../cid.ts'
import type { Content } from '../content.ts'

/** One call of the RPC. */
export interface KuboCall {
  readonly command: string
  readonly arg: string
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Answers the RPC of a Kubo as its documentation says, from `content`, unless `answer` does so. */
export async function kuboWith(
  context: TestContext,
  content: Content,
  answer: (call: KuboCall) => boolean = () => false,
) {
  const calls: string[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://kubo')
    const command = pathname.replace('/api/v0/', '')
    const arg = query.get('arg') ?? ''
    calls.push(`${request.method} ${command} ${arg}`)
    if (answer({ command, arg, query, request, response })) return
    const ref = { cid: parseCid(arg), path: [] }
    if (command === 'block/get') response.end(await content.block(ref, { offline: true }))
    else if (command === 'dag/export') {
      response.writeHead(200, { 'content-type': 'application/vnd.ipld.car', trailer: 'X-Stream-Error' })
      for await (const chunk of content.car(ref, { offline: true })) response.write(chunk)
      response.end()
    } else response.writeHead(404).end()
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ Message: error.message, Code: 0, Type: 'error' }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { endpoint: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`, calls }
}
