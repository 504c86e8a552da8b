import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { LIMITS } from '../../runtime/limits.ts'

/**
 * Bounds the requests that one connection has under way. Those that are pipelined all begin at once, a thousand of them in one
 * packet, and their answers wait in memory for a reader who may never come. Whoever sends more than a few is cut off.
 */
export function boundPipeline(handler: RequestListener, most: number = LIMITS.requestsOfConnection): RequestListener {
  const underWay = new WeakMap<Socket, number>()
  const change = (socket: Socket, by: number): number => {
    const count = (underWay.get(socket) ?? 0) + by
    underWay.set(socket, count)
    return count
  }
  return (request, response) => {
    const { socket } = request
    // What was read together with the request that was one too many.
    if (socket.destroyed) return
    if (change(socket, 1) > most) return void socket.destroy()
    response.once('close', () => change(socket, -1))
    handler(request, response)
  }
}
