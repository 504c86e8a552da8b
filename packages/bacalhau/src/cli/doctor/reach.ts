import { connect, createServer } from 'node:net'
import { systemCode } from '../../runtime/error.ts'

/** Milliseconds after which a machine counts as not reachable. */
const PATIENCE = 3_000

/** Why no connection to this address comes about, in words; undefined when one does. It is closed at once. */
export function whyUnreachable(
  address: { host: string; port: number } | { path: string },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: PATIENCE })
    const end = (result: string | undefined) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end(`no answer within ${PATIENCE / 1_000} seconds`))
    socket.once('error', (error) => end(reasonOf(error)))
  })
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up at the moment',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
}

export const reasonOf = (error: Error): string => REASONS[systemCode(error) ?? ''] ?? error.message

export type PortState = 'free' | 'taken' | 'forbidden' | 'no such address'

/** Could a server listen there? Does so for a moment. */
export function portState(host: string, port: number): Promise<PortState> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      const code = systemCode(error)
      if (code === 'EADDRINUSE') resolve('taken')
      else if (code === 'EACCES') resolve('forbidden')
      else if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') resolve('no such address')
      else reject(error)
    })
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')))
  })
}
