import http from 'node:http'
import https from 'node:https'
import type { FastifyInstance, FastifyServerFactory } from 'fastify'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { isWebSocket } from './jobs/log-socket.ts'

/** A certificate with its chain, and its key, both PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

/** Lowest version of TLS that is spoken. */
const LOWEST_TLS = 'TLSv1.2'

/** Makes the server that the API runs in, over TLS when it has a certificate. */
export function serverFactory(tls: TlsIdentity | undefined): FastifyServerFactory {
  const bounds = {
    headersTimeout: LIMITS.requestHeaders,
    connectionsCheckingInterval: 5_000,
    // Unlike a time for the whole request, this spares uploads that take long; see `keepBodies` for the others.
    requestTimeout: 0,
    keepAliveTimeout: LIMITS.apiIdle,
    // Clients that would like HTTP/2 offer it this way, and are content without it. (Node 22 knows no such choice.)
    shouldUpgradeCallback: isWebSocket,
  }
  return (handler) => {
    const server =
      tls === undefined
        ? http.createServer(bounds, handler)
        : https.createServer(
            { ...bounds, ...tls, minVersion: LOWEST_TLS, handshakeTimeout: LIMITS.requestHeaders },
            handler,
          )
    server.maxConnections = LIMITS.apiConnections
    return server
  }
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
