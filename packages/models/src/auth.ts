import { z } from 'zod'

/**
 * What a token or a client key is good for. `read` looks, `submit` also runs and stops jobs and uploads data, `manage` does all
 * that the API offers.
 */
export const SCOPES = ['read', 'submit', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

const name = z
  .string()
  .trim()
  .max(100)
  // oxlint-disable-next-line no-control-regex -- they are what is refused; the reference shows it as a pattern.
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must not hold control characters')
const namespaces = z.array(z.string().trim().min(1).max(255)).min(1).max(100)

const grantShape = {
  Name: name.default('').describe('For people, to tell one from another.'),
  Scope: z.enum(SCOPES).default('submit'),
  Namespaces: namespaces.optional().describe('Only jobs of these. Absent: of all.'),
}

const unlimited = ({ Scope, Namespaces }: { Scope: Scope; Namespaces?: unknown }) =>
  Scope !== 'manage' || Namespaces === undefined
const MANAGES_ALL = { path: ['Namespaces'], message: 'cannot limit the scope manage, which is about the whole node' }

export const createTokenRequestSchema = z
  .strictObject({ ...grantShape, ExpiresAt: z.iso.datetime({ offset: true }).optional() })
  .refine(unlimited, MANAGES_ALL)
export type CreateTokenRequest = z.input<typeof createTokenRequestSchema>

/** SHA-256 of the modulus of an RSA key, in hexadecimal; `bacalhau id` prints it. */
export const clientIdSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[\da-f]{64}$/, 'must be 64 hexadecimal digits')

export const allowKeyRequestSchema = z
  .strictObject({ ClientID: clientIdSchema, ...grantShape })
  .refine(unlimited, MANAGES_ALL)
export type AllowKeyRequest = z.input<typeof allowKeyRequestSchema>

const infoShape = {
  Name: z.string(),
  Scope: z.enum(SCOPES),
  Namespaces: z.array(z.string()).optional(),
  /** RFC 3339. */
  CreatedAt: z.iso.datetime(),
}

/** A token as it is listed. The token itself is shown once, when it is made. */
export const tokenInfoSchema = z.strictObject({
  ID: z.string().min(1),
  ...infoShape,
  ExpiresAt: z.iso.datetime({ offset: true }).optional(),
})
export type TokenInfo = z.infer<typeof tokenInfoSchema>

/** A client key that may be used from other machines. */
export const clientKeyInfoSchema = z.strictObject({ ClientID: clientIdSchema, ...infoShape })
export type ClientKeyInfo = z.infer<typeof clientKeyInfoSchema>

export interface CreateTokenResponse {
  /** Not stored and never shown again. */
  readonly Token: string
  readonly Info: TokenInfo
}

/** Who the node takes a caller for. */
export interface WhoAmI {
  readonly Name: string
  readonly Kind: 'local' | 'token' | 'basic' | 'apiKey' | 'clientKey' | 'stranger'
  readonly Capabilities: readonly string[]
  /** Absent: all. */
  readonly Namespaces?: readonly string[]
}

/** Body of a login. `Name` and the first two fields are what official clients send besides. */
export const loginRequestSchema = z.strictObject({
  Namespace: z.unknown().optional(),
  Credential: z.unknown().optional(),
  IdempotencyToken: z.unknown().optional(),
  Name: z.string().max(255).optional(),
  /** Base64 of the JSON document of the method. */
  MethodData: z.base64().max(16_384),
})

/** What the method `challenge` wants in `MethodData`. */
export const challengeAnswerSchema = z.object({
  /** RSASSA-PKCS1-v1_5 with SHA-256 over the bytes of the phrase, in base64. */
  PhraseSignature: z.base64().max(4_096),
  /** PKCS #1 DER, in base64. */
  PublicKey: z.base64().max(4_096),
})
