import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { clientIdOf } from '../../network/user-key.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { parseJson } from '../http/document.ts'
import { bodyOf } from '../http/request.ts'
import { memberText } from './member-text.ts'

/** The payload had other names before release 1.0. */
const PAYLOADS = ['payload', 'job_create_payload', 'job_cancel_payload']
/** Bits of an RSA key. A larger one is only there to keep us busy. */
const [LEAST_BITS, MOST_BITS] = [1_024, 8_192]

const envelopeSchema = z.object({ signature: z.string().max(4_096), client_public_key: z.string().max(4_096) })
const signerSchema = z.object({ ClientID: z.string().min(1).max(128) })

export interface SignedRequest {
  /** The document that was signed. */
  readonly payload: unknown
  /** Of the key that signed it: who the client says it is. */
  readonly clientId: string
}

/**
 * Reads a request as programs of the libp2p era sign it: RSA (PKCS #1 v1.5, SHA-256) over the bytes of the payload as they
 * stand in the body. This proves that the client has the key of the ID that it names; whether it may ask at all was decided
 * before. Throws `BadRequest`.
 */
export function readSignedRequest(request: FastifyRequest): SignedRequest {
  const body = bodyOf(request)
  const envelope = envelopeSchema.safeParse(parseJson(body))
  const raw = envelope.success ? memberText(Buffer.from(body).toString('utf8'), PAYLOADS) : undefined
  if (!envelope.success || raw === undefined) {
    throw new BacalhauError('BadRequest', 'payload, signature and client_public_key are wanted')
  }
  const { signature, client_public_key: text } = envelope.data
  const key = readKey(Buffer.from(text, 'base64'))
  if (key === undefined) throw new BacalhauError('BadRequest', 'client_public_key is not an RSA key (PKCS #1)')
  if (!verify('sha256', Buffer.from(raw), key, Buffer.from(signature, 'base64'))) {
    throw new BacalhauError('BadRequest', "client's signature is invalid")
  }
  const payload: unknown = JSON.parse(raw)
  const clientId = clientIdOf(key)
  if (signerSchema.safeParse(payload).data?.ClientID !== clientId) {
    throw new BacalhauError('BadRequest', "the ClientID is not the one of the client's public key")
  }
  return { payload, clientId }
}

function readKey(der: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'pkcs1' })
    const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
    return modulusLength >= LEAST_BITS && modulusLength <= MOST_BITS ? key : undefined
  } catch {
    return undefined
  }
}
