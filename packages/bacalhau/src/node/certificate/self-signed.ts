// The certificate library wants it before itself.
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import path from 'node:path'
import * as x509 from '@peculiar/x509'
import { createPrivateFile, readPrivateFile } from '../../network/private-file.ts'
import type { TlsIdentity } from '../../api/listener.ts'

/** A certificate of our own is good for so long. Nobody but its owner vouches for it, so there is no use in hurry. */
const LIFETIME = 10 * 365 * 24 * 60 * 60_000
/** One that is good for less than this is replaced at the next start. */
const LEAST_LEFT = 30 * 24 * 60 * 60_000
/** Clocks of those who call may be behind by this. */
const SKEW = 24 * 60 * 60_000

/**
 * The certificate of the node in `folder` (`api-cert.pem`, with its key in `api-key.pem`), made when it is missing or about to
 * expire, and else kept, so that those who have it need not get it again.
 */
export async function loadSelfSigned(folder: string, now: number): Promise<TlsIdentity> {
  const [certFile, keyFile] = [path.join(folder, 'api-cert.pem'), path.join(folder, 'api-key.pem')]
  const kept = await readKept(certFile, keyFile)
  if (kept !== undefined && Date.parse(new X509Certificate(kept.cert).validTo) - now > LEAST_LEFT) return kept
  const made = await makeSelfSigned(now)
  for (const file of [certFile, keyFile]) await fs.rm(file, { force: true })
  await createPrivateFile(keyFile, made.key)
  await createPrivateFile(certFile, made.cert)
  return made
}

async function readKept(certFile: string, keyFile: string): Promise<TlsIdentity | undefined> {
  const [cert, key] = [await readPrivateFile(certFile), await readPrivateFile(keyFile)]
  if (cert === undefined || key === undefined) return undefined
  return { cert: Buffer.from(cert.content).toString(), key: Buffer.from(key.content).toString() }
}

async function makeSelfSigned(now: number): Promise<TlsIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=bacalhau node',
      notBefore: new Date(now - SKEW),
      notAfter: new Date(now + LIFETIME),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.SubjectAlternativeNameExtension(ownNames()),
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ],
    },
    // Libraries that share this one may have chosen another implementation for all.
    crypto,
  )
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` }
}

/** By what this machine may be called. */
function ownNames(): { readonly type: 'dns' | 'ip'; readonly value: string }[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? [])
  const names = [...new Set(['localhost', hostname().toLowerCase()])].filter((name) => /^[\w.-]{1,253}$/.test(name))
  return [
    ...names.map((value) => ({ type: 'dns' as const, value })),
    ...[...new Set(['127.0.0.1', '::1', ...addresses])]
      .filter((address) => !address.includes('%'))
      .map((value) => ({ type: 'ip' as const, value })),
  ]
}
