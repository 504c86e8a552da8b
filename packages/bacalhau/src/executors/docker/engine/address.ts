import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'

/** Where an engine listens. */
export interface EngineAddress {
  /** As a user would write it: `unix:///var/run/docker.sock`. */
  readonly name: string
  readonly target:
    | { readonly socketPath: string }
    | { readonly host: string; readonly port: number; readonly tls: ClientCertificate | undefined }
}

export interface ClientCertificate {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/** Where a user says that the engine is. */
export interface AddressSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** User ID of this process; undefined on systems without them. */
  readonly uid: number | undefined
  /** The setting; stronger than the environment. */
  readonly host: string | undefined
}

/**
 * Addresses at which an engine may answer, the first one that does wins. What the user names is the only one; without that, the
 * sockets at which Docker and Podman listen by default, as far as they are there.
 */
export function engineAddresses({ env, home, uid, host }: AddressSources): EngineAddress[] {
  const named = host ?? some(env['DOCKER_HOST']) ?? some(env['CONTAINER_HOST'])
  if (named !== undefined) return [parseAddress(named, env)]
  const runtime = some(env['XDG_RUNTIME_DIR']) ?? (uid === undefined ? undefined : `/run/user/${uid}`)
  const own = runtime === undefined ? [] : [`${runtime}/docker.sock`]
  const ownPodman = runtime === undefined ? [] : [`${runtime}/podman/podman.sock`]
  const usual = ['/var/run/docker.sock', ...own, path.join(home, '.docker/run/docker.sock'), ...ownPodman]
  return [...usual, '/run/podman/podman.sock'].filter((socket) => existsSync(socket)).map(atSocket)
}

const some = (text: string | undefined) => (text === '' ? undefined : text)

const atSocket = (socketPath: string): EngineAddress => ({ name: `unix://${socketPath}`, target: { socketPath } })

function parseAddress(text: string, env: AddressSources['env']): EngineAddress {
  if (text.startsWith('/')) return atSocket(text)
  const socketPath = /^unix:\/\/(\/.+)$/.exec(text)?.[1]
  if (socketPath !== undefined) return atSocket(socketPath)
  const [, scheme, host, port] = /^(tcp|http|https):\/\/([^/:]+|\[[\da-fA-F:]+\]):(\d{1,5})\/?$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) {
    const expected = 'unix:///path/to/socket or tcp://host:port'
    throw new BacalhauError(
      'ConfigurationError',
      `the address of the container engine must be like ${expected}, not ${text}`,
    )
  }
  const tls = scheme === 'https' || some(env['DOCKER_TLS_VERIFY']) !== undefined ? readCertificate(env) : undefined
  return { name: text, target: { host: host.replaceAll(/[[\]]/g, ''), port: Number(port), tls } }
}

/** The files that Docker's own command reads, under their names. */
function readCertificate(env: AddressSources['env']): ClientCertificate {
  const folder = some(env['DOCKER_CERT_PATH']) ?? path.join(some(env['HOME']) ?? '/', '.docker')
  const read = (name: string) => readFileSync(path.join(folder, name))
  try {
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  } catch (error) {
    throw new BacalhauError('ConfigurationError', `the certificate for the container engine: ${messageOf(error)}`, {
      hint: 'DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem.',
    })
  }
}
