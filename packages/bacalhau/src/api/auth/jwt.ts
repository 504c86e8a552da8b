import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'

/** Permission bits of the claim `ns`: read, write, download, cancel. */
const ALL_BITS = 15
const READ_BITS = 5
/** A month, as documented. Seconds. */
const LIFETIME = 30 * 24 * 60 * 60
/** Clocks of two machines may differ by this. Seconds. */
const SKEW = 60
/** Characters; ours have some 700. */
const LONGEST = 4_096

const claimsSchema = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  sub: z.string().min(1).max(255),
  exp: z.number(),
  iat: z.number(),
})

export interface Jwt {
  /** A token for the client `subject`, good for a month. `now` in milliseconds. */
  issue(subject: string, now: number): string
  /** The client that a token was given to, or why it is worth nothing. */
  read(token: string, now: number): { readonly subject: string } | { readonly problem: string }
}

/** Three parts between dots: it may be one of ours, or of a node that was here before. */
export const looksLikeJwt = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** The one header that we write and read. A token that names another algorithm, or none, is not looked at further. */
const HEADER = encode({ alg: 'RS256', typ: 'JWT' })

/**
 * Tokens (RFC 7519) that say who somebody is, signed by the node. What the client may do is not in them but looked up at each
 * request, so that a key that is removed is out at once; the claim `ns` is for clients that show it.
 */
export function createJwt(nodeId: string, key: KeyObject): Jwt {
  const publicKey = createPublicKey(key)
  return {
    issue(subject, now) {
      const iat = Math.floor(now / 1_000)
      const ns = { '*': READ_BITS, [subject]: ALL_BITS }
      const claims = { iss: nodeId, aud: [nodeId], sub: subject, iat, exp: iat + LIFETIME, ns }
      const text = `${HEADER}.${encode(claims)}`
      return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
    },
    read(token, now) {
      const [header = '', body = '', signature = '', ...rest] = token.length > LONGEST ? [] : token.split('.')
      if (header !== HEADER || rest.length > 0) return { problem: 'the token is not one of this node' }
      const signed = Buffer.from(`${header}.${body}`)
      if (!verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))) {
        return { problem: 'the token is not one of this node' }
      }
      const claims = claimsSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()))
      if (!claims.success || claims.data.iss !== nodeId || ![claims.data.aud].flat().includes(nodeId)) {
        return { problem: 'the token is not meant for this node' }
      }
      const { sub, exp, iat } = claims.data
      if (exp * 1_000 <= now) return { problem: 'the token has expired' }
      return iat > now / 1_000 + SKEW ? { problem: 'the token is of the future' } : { subject: sub }
    },
  }
}
