import { readFile } from 'node:fs/promises'
import path from 'node:path'
import tls from 'node:tls'
import type { Settings } from '../../node/config-settings.ts'
import { nodeFolder } from '../../node/node-folder.ts'
import { BacalhauError, messageOf } from '../../runtime/error.ts'

type TrustSettings = Pick<Settings, 'tlsCa' | 'tlsSelfSigned' | 'dataDir' | 'swarmPort'>

/**
 * Makes this process trust the certificates that the settings name, for every connection: a command makes them to one node
 * only. Throws `ConfigurationError` for a file that holds none.
 */
export async function trustCertificates(settings: TrustSettings, insecure: boolean): Promise<void> {
  if (insecure) {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    return
  }
  const { tlsCa, tlsSelfSigned, dataDir, swarmPort } = settings
  const own = path.join(nodeFolder(dataDir, swarmPort).root, 'api-cert.pem')
  const file = tlsCa ?? (tlsSelfSigned ? own : undefined)
  if (file === undefined) return
  const certificates = await readCertificates(file)
  if (!('setDefaultCACertificates' in tls)) {
    throw new BacalhauError('ConfigurationError', 'this version of Node cannot be told at run time whom to trust', {
      hint: `Set NODE_EXTRA_CA_CERTS=${file} instead of API.TLS.CAFile, or use Node 24.`,
    })
  }
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...certificates])
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

async function readCertificates(file: string): Promise<readonly string[]> {
  try {
    const certificates = (await readFile(file, 'utf8')).match(PEM)
    if (certificates !== null) return certificates
  } catch (error) {
    throw new BacalhauError('ConfigurationError', `API.TLS.CAFile: ${file} cannot be read: ${messageOf(error)}`)
  }
  throw new BacalhauError('ConfigurationError', `API.TLS.CAFile: ${file} holds no certificate (PEM)`)
}
