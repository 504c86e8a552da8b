import http from 'node:http'
import https from 'node:https'
import type { Server } from 'node:net'
import type { FastifyInstance, FastifyServerFactory } from 'fastify'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { isLoopback } from './auth/machine.ts'
import { isWebSocket } from './jobs/log-socket.ts'
import { networkOf } from './limits/pace.ts'
import { boundPipeline } from './limits/pipeline.ts'

/** A certificate with its chain, and its key, both PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

/** Lowest version of TLS that is spoken. */
const LOWEST_TLS = 'TLSv1.2'

/** How long a caller may take for the beginning of a request. Milliseconds. */
export interface Patience {
  readonly headers: number
  /** How often it is looked at. */
  readonly look: number
}

const PATIENCE: Patience = { headers: LIMITS.requestHeaders, look: 5_000 }

/** Makes the server that the API runs in, over TLS when it has a certificate. */
export function serverFactory(tls: TlsIdentity | undefined, patience = PATIENCE): FastifyServerFactory {
  const bounds = {
    headersTimeout: patience.headers,
    connectionsCheckingInterval: patience.look,
    // Unlike a time for the whole request, this spares uploads that take long; see `keepBodies` for the others.
    requestTimeout: 0,
    keepAliveTimeout: LIMITS.apiIdle,
    // Clients that would like HTTP/2 offer it this way, and are content without it. (Node 22 knows no such choice.)
    shouldUpgradeCallback: isWebSocket,
  }
  return (handler) => {
    const listener = boundPipeline(handler)
    const server =
      tls === undefined
        ? http.createServer(bounds, listener)
        : https.createServer(
            { ...bounds, ...tls, minVersion: LOWEST_TLS, handshakeTimeout: patience.headers },
            listener,
          )
    server.maxConnections = LIMITS.apiConnections
    boundConnections(server)
    return server
  }
}

/** Keeps one other machine from taking all the connections that there may be. */
export function boundConnections(server: Server, most: number = LIMITS.apiConnectionsOfOne): void {
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? ''
    if (isLoopback(address)) return
    const network = networkOf(address)
    const count = (open.get(network) ?? 0) + 1
    if (count > most) return void socket.destroy()
    open.set(network, count)
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1
      if (left === 0) open.delete(network)
      else open.set(network, left)
    })
  })
}

/** Throws `PortInUse` or `ConfigurationError` when it cannot listen. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const code = systemCode(cause)
    if (code === 'EADDRINUSE') {
      throw new BacalhauError('PortInUse', `port ${port} of ${host}, meant for the API, is in use`, {
        hint: 'Choose another one with --api-port, or stop the program that uses it.',
        cause,
      })
    }
    if (code === undefined) throw cause
    throw new BacalhauError(
      'ConfigurationError',
      `the API cannot listen on ${host}, port ${port}: ${messageOf(cause)}`,
      {
        hint: 'Choose another address with --host or another port with --api-port.',
        cause,
      },
    )
  }
}
