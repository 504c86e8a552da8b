import { createServer, type Server } from 'node:http'
import { isIP } from 'node:net'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { serveArchive } from './serve-archive.ts'

export interface ArchiveServer {
  /** The port that it listens on; it begins to when it is asked first. Throws `PublishFailed` where it cannot. */
  port(): Promise<number>
  stop(): Promise<void>
}

export interface ArchiveServerOptions {
  readonly folder: string
  /** How others reach this machine. As long as that is the machine itself, nobody else is listened to. */
  readonly address: string
  readonly port: number
}

export function createArchiveServer({ folder, address, port }: ArchiveServerOptions): ArchiveServer {
  let started: Promise<Server> | undefined
  let running: Server | undefined

  async function start(): Promise<Server> {
    const server = createServer((request, response) => void serveArchive(folder, request, response))
    server.maxConnections = LIMITS.archiveConnections
    server.headersTimeout = LIMITS.requestHeaders
    server.requestTimeout = LIMITS.requestHeaders
    // A reader that takes nothing of what it is sent.
    server.timeout = LIMITS.streamStall
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, isLoopback(address) ? address : undefined, resolve)
    })
    running = server
    return server
  }

  return {
    async port() {
      started ??= start()
      try {
        const bound = (await started).address()
        return typeof bound === 'object' && bound !== null ? bound.port : port
      } catch (cause) {
        started = undefined
        const taken = systemCode(cause) === 'EADDRINUSE'
        const why = taken ? `port ${port} is in use` : messageOf(cause)
        throw new BacalhauError('PublishFailed', `the node cannot serve results: ${why}`, {
          cause,
          hint: 'The operator of the node sets another port with Publishers.Types.Local.Port.',
        })
      }
    },
    async stop() {
      await started?.catch(() => undefined)
      const server = running
      if (server === undefined) return
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const isLoopback = (address: string): boolean =>
  address === 'localhost' || (isIP(address) === 4 && address.startsWith('127.')) || address === '::1'
