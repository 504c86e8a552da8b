import { verify } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { clientIdOf, readPublicKey, WANTED_KEY } from '../../network/user-key.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { parseJson } from '../http/document.ts'
import { bodyOf } from '../http/request.ts'
import { memberText } from './member-text.ts'

/** The payload had other names before release 1.0. */
const PAYLOADS = ['payload', 'job_create_payload', 'job_cancel_payload']

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
  const key = readPublicKey(Buffer.from(text, 'base64'))
  if (key === undefined) throw new BacalhauError('BadRequest', `client_public_key is not ${WANTED_KEY}`)
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
