import { createHmac, verify } from 'node:crypto'
import { challengeAnswerSchema } from '@bacalhau/models'
import { clientIdOf, readPublicKey, WANTED_KEY } from '../../network/user-key.ts'

/** A phrase is good for this long, and for as long again after the next one has taken its place. Milliseconds. */
const WINDOW = 5 * 60_000

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
      const key = readPublicKey(Buffer.from(parsed.data.PublicKey, 'base64'))
      if (key === undefined) return { problem: `the key is not ${WANTED_KEY}` }
      const signature = Buffer.from(parsed.data.PhraseSignature, 'base64')
      const window = Math.floor(now / WINDOW)
      const signed = [window, window - 1].some((each) => verify('sha256', phraseOf(each), key, signature))
      return signed ? { clientId: clientIdOf(key) } : { problem: 'the signature is not one of the phrase' }
    },
  }
}
