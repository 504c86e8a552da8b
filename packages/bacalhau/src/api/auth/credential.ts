/** What an `Authorization` header presents. */
export type Credential =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly username: string; readonly password: string }
  /** There is a header, but it is none of these. */
  | { readonly scheme: 'unknown' }

/** Characters of a header that is looked at; tokens and passwords are much shorter. */
const LONGEST = 8_192

/** Undefined without a header. Takes the form of RFC 6750 and of RFC 7617, with any number of spaces. */
export function parseCredential(header: string | undefined): Credential | undefined {
  if (header === undefined) return undefined
  const [, scheme = '', value = ''] = (header.length > LONGEST ? null : /^(\w+) +([^\s]+)$/.exec(header)) ?? []
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  if (scheme.toLowerCase() !== 'basic') return { scheme: 'unknown' }
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 0) return { scheme: 'unknown' }
  return { scheme: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) }
}
