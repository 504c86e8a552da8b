import { createHmac, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { challengeAnswerSchema } from '@bacalhau/models'
import { clientIdOf } from '../../network/user-key.ts'

/** A phrase is good for this long, and for as long again after the next one has taken its place. Milliseconds. */
const WINDOW = 5 * 60_000
/** Bits of a client's RSA key. A larger one is only there to keep us busy. */
const LEAST_BITS = 2_048
const MOST_BITS = 8_192

/** Asks clients to prove that they have the key whose ID they want to be known by. */
export interface Challenge {
  /** What to sign now, as it is sent: base64. */
  phrase(now: number): string
  /** The ID of the client whose key signed a phrase of ours, or why it did not. `answer` is the JSON document as sent. */
  check(answer: unknown, now: number): { readonly clientId: string } | { readonly problem: string }
}

/**
 * The documented phrase is the ID of the node, so that one signature, once seen, would be good for ever. Ours begin with the ID
 * and change with time; nothing has to be remembered. Clients sign whatever phrase they get.
 */
export function createChallenge(nodeId: string, secret: Uint8Array): Challenge {
  const phraseOf = (window: number): Buffer => {
    const proof = createHmac('sha256', secret).update(`${nodeId}.${window}`).digest('base64url')
    return Buffer.from(`${nodeId}.${window}.${proof}`)
  }
  return {
    phrase: (now) => phraseOf(Math.floor(now / WINDOW)).toString('base64'),
    check(answer, now) {
      const parsed = challengeAnswerSchema.safeParse(answer)
      if (!parsed.success) return { problem: 'PhraseSignature and PublicKey are wanted, in base64' }
      const key = readKey(Buffer.from(parsed.data.PublicKey, 'base64'))
      if (key === undefined)
        return { problem: `the key is not an RSA key of ${LEAST_BITS} to ${MOST_BITS} bits (PKCS #1)` }
      const signature = Buffer.from(parsed.data.PhraseSignature, 'base64')
      const window = Math.floor(now / WINDOW)
      const signed = [window, window - 1].some((each) => verify('sha256', phraseOf(each), key, signature))
      return signed ? { clientId: clientIdOf(key) } : { problem: 'the signature is not one of the phrase' }
    },
  }
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
