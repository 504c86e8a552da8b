import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { temporaryApi } from '../../api/testing/api.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { followCertificate, loadCertificate } from './certificate.ts'

const DAY = 24 * 60 * 60_000
const SELF = { tlsCert: undefined, tlsKey: undefined, tlsSelfSigned: true }
const now = Date.now()

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'certificate-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A certificate that is there. */
async function selfSigned(folder: string, at = now) {
  const certificate = await loadCertificate(SELF, folder, at)
  assert.ok(certificate !== undefined)
  return certificate
}

describe('a certificate of the node itself', () => {
  test('is made once, kept, and names this machine', async (context) => {
    const folder = await temporaryFolder(context)
    const made = await selfSigned(folder)
    assert.deepEqual(await selfSigned(folder), made)
    const x509 = new X509Certificate(made.cert)
    assert.equal(x509.checkHost('localhost'), 'localhost')
    assert.equal(x509.checkIP('127.0.0.1'), '127.0.0.1')
    assert.equal(x509.checkHost('example.org'), undefined)
    assert.equal(x509.ca, false)
    assert.match(made.fingerprint, /^(?:[\dA-F]{2}:){31}[\dA-F]{2}$/)
    assert.deepEqual([made.selfSigned, made.warnings], [true, []])
    const { mode } = await stat(path.join(folder, 'api-key.pem'))
    assert.equal(mode & 0o077, 0)
  })

  test('is made anew when it is about to expire', async (context) => {
    const folder = await temporaryFolder(context)
    const old = await selfSigned(folder)
    const fresh = await selfSigned(folder, now + 3_640 * DAY)
    assert.notEqual(fresh.fingerprint, old.fingerprint)
    assert.deepEqual(fresh.warnings, [])
  })
})

describe('a certificate of the operator', () => {
  test('is taken as it is; one that ends soon is told', async (context) => {
    const folder = await temporaryFolder(context)
    const { fingerprint } = await selfSigned(folder)
    const files = {
      tlsCert: path.join(folder, 'api-cert.pem'),
      tlsKey: path.join(folder, 'api-key.pem'),
      tlsSelfSigned: false,
    }
    const loaded = await loadCertificate(files, folder, now)
    assert.deepEqual([loaded?.fingerprint, loaded?.selfSigned, loaded?.warnings], [fingerprint, false, []])
    assert.match((await loadCertificate(files, folder, now + 3_640 * DAY))?.warnings[0] ?? '', /expires soon/)
    assert.match((await loadCertificate(files, folder, now + 3_660 * DAY))?.warnings[0] ?? '', /has expired/)
    assert.equal(await loadCertificate({ ...SELF, tlsSelfSigned: false }, folder, now), undefined)
  })

  test('is refused when it is half, missing, broken, or of another key', async (context) => {
    const [one, two] = [await temporaryFolder(context), await temporaryFolder(context)]
    await Promise.all([selfSigned(one), selfSigned(two)])
    const [tlsCert, tlsKey] = [path.join(one, 'api-cert.pem'), path.join(two, 'api-key.pem')]
    const broken = path.join(one, 'broken.pem')
    await writeFile(broken, 'no PEM')
    const WRONG = [
      [{ tlsCert, tlsKey: undefined, tlsSelfSigned: false }, /belong together/],
      [{ tlsCert, tlsKey, tlsSelfSigned: true }, /cannot be combined/],
      [{ tlsCert, tlsKey, tlsSelfSigned: false }, /cannot be used/],
      [{ tlsCert: broken, tlsKey, tlsSelfSigned: false }, /cannot be used/],
      [{ tlsCert: path.join(one, 'none'), tlsKey, tlsSelfSigned: false }, /API\.TLS\.CertFile: .* cannot be read/],
    ] as const
    for (const [config, message] of WRONG) {
      await assert.rejects(loadCertificate(config, one, now), { code: 'ConfigurationError', message })
    }
  })
})

/** The certificate that a server shows, to somebody who trusts `ca`. */
async function shownBy(
  port: number,
  ca: string,
): Promise<{ fingerprint: string; status: number; protocol: string | null }> {
  const outgoing = request({ host: '127.0.0.1', port, path: '/api/v1/orchestrator/nodes', ca, agent: false })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const socket = response.socket as TLSSocket
  const shown = {
    fingerprint: socket.getPeerCertificate().fingerprint256,
    status: response.statusCode ?? 0,
    protocol: socket.getProtocol(),
  }
  response.resume()
  await once(response, 'end')
  return shown
}

describe('an API over TLS', () => {
  test('shows its certificate, and callers of this machine are known as such', async (context) => {
    const tls = await selfSigned(await temporaryFolder(context))
    const { port } = await temporaryApi(context, {}, { tls })
    assert.deepEqual(await shownBy(port, tls.cert), { fingerprint: tls.fingerprint, status: 200, protocol: 'TLSv1.3' })
  })

  test('shows a new certificate when the files change, and the old one while they are half changed', async (context) => {
    const [one, two] = [await temporaryFolder(context), await temporaryFolder(context)]
    const [old, fresh] = [await selfSigned(one), await selfSigned(two)]
    const files = {
      tlsCert: path.join(one, 'api-cert.pem'),
      tlsKey: path.join(one, 'api-key.pem'),
      tlsSelfSigned: false,
    }
    const certificate = await loadCertificate(files, one, now)
    assert.ok(certificate !== undefined)
    const renewed = Promise.withResolvers<string>()
    const half = Promise.withResolvers<void>()
    const clock = createVirtualClock()
    const logger = { ...silentLogger, warn: () => half.resolve() }
    const follower = followCertificate(files, certificate, ({ cert }) => renewed.resolve(cert), { clock, logger })
    context.after(() => follower.stop())
    await copyFile(path.join(two, 'api-cert.pem'), files.tlsCert)
    await clock.advance(60_000)
    await half.promise
    await copyFile(path.join(two, 'api-key.pem'), files.tlsKey)
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(60_000)
    assert.equal(await renewed.promise, fresh.cert)
    assert.notEqual(fresh.cert, old.cert)
    assert.equal(await readFile(files.tlsCert, 'utf8'), fresh.cert)
  })
})
