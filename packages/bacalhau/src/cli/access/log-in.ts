import { createPublicKey, sign } from 'node:crypto'
import { type CallOptions, createTransport, isApiError, type TransportOptions } from '@bacalhau/client'
import { z } from 'zod'
import type { UserKey } from '../../network/user-key.ts'
import { BacalhauError } from '../../runtime/error.ts'

const AUTH = '/api/v1/auth'
const methodsSchema = z.object({
  Methods: z.record(
    z.string(),
    z.object({ type: z.string(), params: z.object({ InputPhrase: z.base64() }).optional() }),
  ),
})
const outcomeSchema = z.object({ Authentication: z.object({ success: z.boolean(), token: z.string().optional() }) })

/** Proves to a node that we have this key, as the official clients do, and gives the token that it returns. */
export async function logIn(node: TransportOptions, { key, clientId }: UserKey, call: CallOptions): Promise<string> {
  const transport = createTransport({ baseUrl: node.baseUrl })
  const { Methods } = await transport.ask('GET', AUTH, (input) => methodsSchema.parse(input), call)
  const [name, method] = Object.entries(Methods).find(([, { type }]) => type === 'challenge') ?? []
  const phrase = method?.params?.InputPhrase
  if (name === undefined || phrase === undefined) {
    throw new BacalhauError('Unauthorized', 'one cannot log in to this node with a key', {
      hint: 'Set BACALHAU_API_KEY, or BACALHAU_API_USERNAME and BACALHAU_API_PASSWORD.',
    })
  }
  const answer = {
    PhraseSignature: sign('sha256', Buffer.from(phrase, 'base64'), key).toString('base64'),
    PublicKey: createPublicKey(key).export({ format: 'der', type: 'pkcs1' }).toString('base64'),
  }
  const json = { Name: name, MethodData: Buffer.from(JSON.stringify(answer)).toString('base64') }
  const path = `${AUTH}/${encodeURIComponent(name)}`
  const { Authentication } = await transport
    .ask('POST', path, (input) => outcomeSchema.parse(input), { json, ...call })
    .catch((error: unknown) => {
      throw isApiError(error) && error.status === 401 ? refused(clientId) : error
    })
  if (Authentication.token === undefined) throw refused(clientId)
  return Authentication.token
}

const refused = (clientId: string): BacalhauError =>
  new BacalhauError('Unauthorized', `the node does not allow the key ${clientId}`, {
    hint: `Ask its operator to run there: bacalhau auth key allow ${clientId}`,
  })
