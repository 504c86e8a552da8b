import { setMaxListeners } from 'node:events'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { agentRoutes } from './agent/routes.ts'
import type { Api, ApiContext } from './context.ts'
import { dataRoutes } from './data/routes.ts'
import { eventRoutes } from './events/routes.ts'
import { gatewayRoutes } from './gateway/routes.ts'
import { digestToken, type GuardPolicy } from './guard.ts'
import { guardRequests } from './http/access.ts'
import { encodeJson } from './http/answer.ts'
import { keepBodies } from './http/bodies.ts'
import { answerFailure, handleFailures } from './http/failure-handler.ts'
import { describeBuild, nameRequests, requestId } from './http/headers.ts'
import { refuseOtherMethods } from './http/methods.ts'
import { answerMalformed } from './http/raw-answer.ts'
import { prepareRoutes } from './http/route.ts'
import { isWebSocket, serveLogs } from './jobs/log-socket.ts'
import { jobRoutes } from './jobs/routes.ts'
import { runRoute } from './jobs/run-route.ts'
import { nodeRoutes } from './nodes/routes.ts'

export interface ApiOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Bearer tokens that let callers from elsewhere in. */
  readonly tokens?: readonly string[]
  /** Names, besides the loopback ones, by which callers on this machine may address the API. */
  readonly hosts?: readonly string[]
}

export interface ApiServer extends Stoppable {
  /** What it listens on. */
  readonly host: string
  readonly port: number
}

/** Serves the REST API of a node. Throws `PortInUse` or `ConfigurationError` when it cannot listen. */
export async function createApi(context: ApiContext, options: ApiOptions): Promise<ApiServer> {
  const stopping = new AbortController()
  // Every request that waits listens to it.
  setMaxListeners(0, stopping.signal)
  const api: Api = { ...context, stopping: stopping.signal }
  const policy = {
    tokens: (options.tokens ?? []).map(digestToken),
    hosts: (options.hosts ?? []).map((name) => name.toLowerCase()),
  }
  const app = createServer(api)
  addHooks(app, api, policy)
  addRoutes(app, api)
  const closeLogs = serveLogs(app.server, api, policy)
  await listen(app, options)
  const address = app.server.address()
  const port = typeof address === 'object' ? (address?.port ?? options.port) : options.port
  return {
    host: options.host,
    port,
    async stop() {
      stopping.abort(new BacalhauError('ServiceUnavailable', 'this node is stopping'))
      closeLogs()
      // Those who were waiting are told, then every connection ends.
      await new Promise((resolve) => setImmediate(resolve))
      await app.close()
    },
  }
}

/** Bodies are checked by our own schemas. Without this, fastify loads the compilers of its own at every start. */
function noCompiler(): never {
  throw new Error('no route has a schema for fastify to compile')
}

function createServer({ logger, random }: Api): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.requestBody,
    forceCloseConnections: true,
    genReqId: (request) => requestId(request, random),
    routerOptions: { maxParamLength: 8_192 },
    // Unlike a time for the whole request, this spares uploads that take long; see `keepBodies` for the others.
    requestTimeout: 0,
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    http: {
      headersTimeout: LIMITS.requestHeaders,
      connectionsCheckingInterval: 5_000,
      // Clients that would like HTTP/2 offer it this way, and are content without it. (Node 22 knows no such choice.)
      shouldUpgradeCallback: isWebSocket,
    },
    frameworkErrors: (error, request, reply: FastifyReply) => {
      void reply.send(encodeJson(answerFailure(error, request, reply, logger)))
    },
    clientErrorHandler: answerMalformed,
  })
  app.server.maxConnections = LIMITS.apiConnections
  return app
}

function addHooks(app: FastifyInstance, api: Api, policy: GuardPolicy): void {
  const { logger, clock } = api
  nameRequests(app)
  guardRequests(app, policy)
  describeBuild(app, api.nodeInfo().BacalhauVersion)
  keepBodies(app, clock)
  handleFailures(app, logger)
  app.addHook('onResponse', (request, reply, done) => {
    const path = request.url.split('?', 1)[0]
    logger.debug(
      { id: request.id, method: request.method, path, status: reply.statusCode, ms: reply.elapsedTime },
      'request',
    )
    done()
  })
}

function addRoutes(app: FastifyInstance, api: Api): void {
  prepareRoutes(app)
  const refuseOthers = refuseOtherMethods(app)
  agentRoutes(app, api)
  jobRoutes(app, api)
  runRoute(app, api)
  eventRoutes(app, api)
  nodeRoutes(app, api)
  dataRoutes(app, api)
  gatewayRoutes(app, api)
  // After the routes of plugins, which are added when the server gets ready.
  app.after(refuseOthers)
}

async function listen(app: FastifyInstance, { host, port }: ApiOptions): Promise<void> {
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
