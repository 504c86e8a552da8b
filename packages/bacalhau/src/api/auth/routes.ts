import type { FastifyInstance } from 'fastify'
import type { Auth } from './auth.ts'
import { keyRoutes } from './key-routes.ts'
import { loginRoutes } from './login-routes.ts'
import { tokenRoutes } from './token-routes.ts'

/** Logging in, and what the operator decides about who may call. */
export function authRoutes(app: FastifyInstance, auth: Auth): void {
  loginRoutes(app, auth)
  tokenRoutes(app, auth)
  keyRoutes(app, auth)
}
