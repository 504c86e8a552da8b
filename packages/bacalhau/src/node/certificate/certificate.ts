import { X509Certificate } from 'node:crypto'
import fs from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { TlsIdentity } from '../../api/listener.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { NodeConfig } from '../config.ts'
import { loadSelfSigned } from './self-signed.ts'

/** What the API shows to those who connect. */
export interface Certificate extends TlsIdentity {
  /** SHA-256 of the certificate, in hexadecimal with colons, to be compared by those who do not know its authority. */
  readonly fingerprint: string
  readonly selfSigned: boolean
  readonly warnings: readonly string[]
}

type TlsConfig = Pick<NodeConfig, 'tlsCert' | 'tlsKey' | 'tlsSelfSigned'>

/** An expiry that is nearer than this is told at every start. */
const SOON = 14 * 24 * 60 * 60_000
/** How often the files are looked at. */
const LOOK = 60_000

/**
 * The certificate that the configuration names, or one of the node's own; undefined when the API is to be spoken in the clear.
 * Throws `ConfigurationError` for files that cannot be used.
 */
export async function loadCertificate(
  config: TlsConfig,
  folder: string,
  now: number,
): Promise<Certificate | undefined> {
  const { tlsCert, tlsKey, tlsSelfSigned } = config
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new BacalhauError(
      'ConfigurationError',
      'API.TLS.CertFile and API.TLS.KeyFile belong together; one is missing',
    )
  }
  if (tlsCert !== undefined && tlsSelfSigned) {
    throw new BacalhauError('ConfigurationError', 'API.TLS.SelfSigned cannot be combined with API.TLS.CertFile')
  }
  if (tlsCert !== undefined && tlsKey !== undefined) return describe(await readFiles(tlsCert, tlsKey), false, now)
  return tlsSelfSigned ? describe(await loadSelfSigned(folder, now), true, now) : undefined
}

async function readFiles(certFile: string, keyFile: string): Promise<TlsIdentity> {
  const [cert, key] = [await readPem('API.TLS.CertFile', certFile), await readPem('API.TLS.KeyFile', keyFile)]
  try {
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (error) {
    const problem = `the certificate ${certFile} and the key ${keyFile} cannot be used: ${messageOf(error)}`
    throw new BacalhauError('ConfigurationError', problem, {
      hint: 'Both must be PEM, the certificate first and then its chain, and the key must be that of the certificate.',
    })
  }
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await fs.readFile(file, 'utf8')
  } catch (error) {
    throw new BacalhauError('ConfigurationError', `${setting}: ${file} cannot be read: ${messageOf(error)}`)
  }
}

function describe(identity: TlsIdentity, selfSigned: boolean, now: number): Certificate {
  const { fingerprint256, validTo } = new X509Certificate(identity.cert)
  const left = Date.parse(validTo) - now
  const state = left <= 0 ? 'has expired' : 'expires soon'
  const warnings = left > SOON ? [] : [`The certificate of the API ${state}: ${validTo}.`]
  return { ...identity, fingerprint: fingerprint256, selfSigned, warnings }
}

/** Shows a new certificate as soon as it is in its file, so that renewing one takes no restart. */
export function followCertificate(
  config: TlsConfig,
  shown: Certificate,
  renew: (identity: TlsIdentity) => void,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Stoppable {
  const stopping = new AbortController()
  const { tlsCert, tlsKey } = config
  const follow = async (): Promise<void> => {
    for (let { cert } = shown; tlsCert !== undefined && tlsKey !== undefined;) {
      await sleep(clock, LOOK, stopping.signal)
      try {
        const identity = await readFiles(tlsCert, tlsKey)
        if (identity.cert === cert) continue
        renew(identity)
        cert = identity.cert
        logger.info({ file: tlsCert }, 'the API shows a new certificate')
      } catch (error) {
        // Half a renewal, perhaps; the old one goes on being shown.
        logger.warn({ error }, 'the certificate of the API cannot be read again')
      }
    }
  }
  const following = follow().catch(() => undefined)
  return {
    async stop() {
      stopping.abort()
      await following
    },
  }
}
