import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A way to the server at `url` that breaks every connection after `bytes` of answers, and each time after twice as many. */
export async function flakyProxy(
  context: TestContext,
  url: string,
  bytes: number,
): Promise<{ readonly url: string; readonly broken: () => number }> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let broken = 0
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    const end = () => {
      near.destroy()
      far.destroy()
    }
    let rest = bytes * 2 ** broken
    far.on('data', (chunk: Buffer) => {
      near.write(chunk.subarray(0, rest))
      rest -= chunk.length
      if (rest > 0) return
      broken += 1
      // What was written is to arrive before the connection breaks.
      near.end(() => end())
      far.destroy()
    })
    near.pipe(far)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  context.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, broken: () => broken }
}
