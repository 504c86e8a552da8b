import { z } from 'zod'
import { parsePublicKey, type PublicKey, type Signer } from '../../network/signature.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Statement } from './known-node.ts'
import { readStatement } from './read-statement.ts'

/** What a node says of itself, with its signature, so that others can pass it on. */
export const signedFactsSchema = z.object({
  /** Peer ID of the node. */
  author: z.string().min(1).max(128),
  /** As in the data; the later of two is the greater one. */
  sequence: z.int().nonnegative(),
  /** JSON, see `ownForm`. */
  data: z.string().max(LIMITS.nodeFacts),
  /** Base64. The key is the libp2p protobuf of the public half. */
  signature: z.string().max(2_048),
  key: z.string().max(2_048),
})
export type SignedFacts = z.infer<typeof signedFactsSchema>

/** Keeps these signatures apart from any others of the same key. */
const PURPOSE = 'bacalhau-facts-1:'

const signedBytes = (sequence: number, data: string): Buffer => Buffer.from(`${PURPOSE}${sequence}:${data}`)

export function signFacts(signer: Signer, sequence: number, data: string): SignedFacts {
  const signature = Buffer.from(signer.sign(signedBytes(sequence, data))).toString('base64')
  const key = Buffer.from(signer.publicKey).toString('base64')
  return { author: signer.peerId, sequence, data, signature, key }
}

/** The public keys of authors that were met lately: reading one takes longer than checking a signature with it. */
export type KeyRing = Map<string, PublicKey>

/** What the author says; undefined unless it was said, in this form, by the author. */
export function openFacts(facts: SignedFacts, keys: KeyRing): Statement | undefined {
  const { author, sequence, data, signature } = facts
  const key = keyOf(facts, keys)
  if (key === undefined) return undefined
  if (!key.verifies(signedBytes(sequence, data), Buffer.from(signature, 'base64'))) return undefined
  const statement = readStatement(author, Buffer.from(data))
  return statement?.kind === 'bacalhau' && statement.sequence === sequence ? statement : undefined
}

function keyOf({ author, key }: SignedFacts, keys: KeyRing): PublicKey | undefined {
  const known = keys.get(author)
  if (known !== undefined) return known
  const read = tryRead(key)
  if (read?.peerId !== author) return undefined
  keys.set(author, read)
  if (keys.size > LIMITS.knownNodes) keys.delete(keys.keys().next().value ?? '')
  return read
}

function tryRead(key: string): PublicKey | undefined {
  try {
    return parsePublicKey(Buffer.from(key, 'base64'))
  } catch {
    return undefined
  }
}
