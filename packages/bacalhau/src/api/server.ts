import { setMaxListeners } from 'node:events'
import { Server as TlsServer } from 'node:tls'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import { BacalhauError } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createMeter } from '../runtime/meter.ts'
import { type Auth, type AuthOptions, openAuth } from './auth/auth.ts'
import { guardRequests } from './auth/guard.ts'
import { authRoutes } from './auth/routes.ts'
import { inspectionRoutes } from './agent/inspection.ts'
import { peerRoutes } from './agent/peer-routes.ts'
import { agentRoutes } from './agent/routes.ts'
import type { Api, ApiContext } from './context.ts'
import { dataRoutes } from './data/routes.ts'
import { eventRoutes } from './events/routes.ts'
import { gatewayRoutes } from './gateway/routes.ts'
import { healthRoutes } from './health/routes.ts'
import { logRequests } from './http/access-log.ts'
import { encodeJson } from './http/answer.ts'
import { keepBodies } from './http/bodies.ts'
import { answerFailure, handleFailures } from './http/failure-handler.ts'
import { describeBuild, nameRequests, requestId } from './http/headers.ts'
import { refuseOtherMethods } from './http/methods.ts'
import { answerMalformed } from './http/raw-answer.ts'
import { checkVersions } from './http/version.ts'
import { prepareRoutes, type Route, routesOf } from './http/route.ts'
import { legacyRoutes } from './legacy/routes.ts'
import { serveLogs } from './jobs/log-socket.ts'
import { allowOrigins } from './limits/cors.ts'
import { limitBodies } from './limits/bodies.ts'
import { cutOffStalled } from './limits/stall.ts'
import { listen, serverFactory, type TlsIdentity } from './listener.ts'
import { jobRoutes } from './jobs/routes.ts'
import { openApiRoutes } from './openapi/routes.ts'
import { runRoute } from './jobs/run-route.ts'
import { measureProcess } from './metrics/process.ts'
import { measureRequests } from './metrics/requests.ts'
import { metricsRoute } from './metrics/routes.ts'
import { nodeRoutes } from './nodes/routes.ts'

export interface ApiOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Who may call. By default, programs on this machine. */
  readonly auth?: AuthOptions
  /** Without a certificate the API is spoken in the clear. */
  readonly tls?: TlsIdentity | undefined
}

export interface ApiServer extends Stoppable {
  /** What it listens on. */
  readonly host: string
  readonly port: number
  /** All that it serves. */
  readonly routes: readonly Route[]
  /** Shows this certificate to those who connect from now on. */
  renewTls(identity: TlsIdentity): void
}

/** Serves the REST API of a node. Throws `PortInUse` or `ConfigurationError` when it cannot listen. */
export async function createApi(context: ApiContext, options: ApiOptions): Promise<ApiServer> {
  const stopping = new AbortController()
  // Every request that waits listens to it.
  setMaxListeners(0, stopping.signal)
  const meter = context.meter ?? createMeter()
  measureProcess(meter)
  const api: Api = { ...context, meter, stopping: stopping.signal }
  const nodeId = api.peer().ID
  const auth = await openAuth(options.auth ?? {}, { clock: api.clock, random: api.random, nodeId })
  const app = createServer(api, options.tls)
  addHooks(app, api, auth, options.auth?.origins ?? [])
  addRoutes(app, api, auth)
  const closeLogs = serveLogs(app.server, api, auth.guard)
  await listen(app, options.host, options.port)
  const address = app.server.address()
  const port = typeof address === 'object' ? (address?.port ?? options.port) : options.port
  return {
    host: options.host,
    port,
    routes: routesOf(app),
    renewTls(identity) {
      if (app.server instanceof TlsServer) app.server.setSecureContext(identity)
    },
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

function createServer({ logger, random }: Api, tls: TlsIdentity | undefined): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.requestBody,
    forceCloseConnections: true,
    genReqId: (request) => requestId(request, random),
    routerOptions: { maxParamLength: 8_192 },
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    serverFactory: serverFactory(tls),
    frameworkErrors: (error, request, reply: FastifyReply) => {
      void reply.send(encodeJson(answerFailure(error, request, reply, logger)))
    },
    clientErrorHandler: answerMalformed,
  })
  return app
}

function addHooks(app: FastifyInstance, api: Api, { guard }: Auth, origins: readonly string[]): void {
  const { logger, clock } = api
  nameRequests(app)
  allowOrigins(app, origins)
  guardRequests(app, guard)
  describeBuild(app, api.nodeInfo().BacalhauVersion)
  checkVersions(app, api.nodeInfo().BacalhauVersion.GitVersion)
  limitBodies(app)
  cutOffStalled(app)
  keepBodies(app, clock)
  handleFailures(app, logger)
  measureRequests(app, api.meter)
  logRequests(app, logger)
}

function addRoutes(app: FastifyInstance, api: Api, auth: Auth): void {
  prepareRoutes(app, api.clock)
  const refuseOthers = refuseOtherMethods(app)
  authRoutes(app, auth)
  inspectionRoutes(app, api)
  agentRoutes(app, api)
  peerRoutes(app, api)
  legacyRoutes(app, api)
  jobRoutes(app, api)
  runRoute(app, api)
  eventRoutes(app, api)
  nodeRoutes(app, api)
  dataRoutes(app, api)
  gatewayRoutes(app, api)
  metricsRoute(app, api)
  healthRoutes(app, api)
  openApiRoutes(app, api)
  // After the routes of plugins, which are added when the server gets ready.
  app.after(refuseOthers)
}
