import { MAX_PARCEL_MESSAGES, receiptSchema } from '@bacalhau/models'
import { z } from 'zod'

/** Which end of the link: one store serves both roles of a node. */
export type Role = 'o' | 'c'

/** A conversation, in `link-in` under `<role>/<peer>`. Written in the unit of whatever moves one of its numbers. */
export const conversationRowSchema = z.strictObject({
  /** Missing as long as the peer has given none: what is posted waits for that. */
  conversation: z.string().optional(),
  /** Generation of the peer's store. */
  generation: z.string(),
  received: receiptSchema,
  acked: receiptSchema,
})
export type ConversationRow = z.infer<typeof conversationRowSchema>

/** A parcel that is not acknowledged, in `link-out` under `<role>/<peer>/<number>`. Its messages are checked by who gets them. */
export const parcelRowSchema = z.strictObject({
  mark: z.string(),
  bytes: z.int().nonnegative(),
  messages: z.array(z.unknown()).min(1).max(MAX_PARCEL_MESSAGES),
})

/** Digits of a number in a key, so that keys sort as numbers do. */
const DIGITS = 16

export const conversationKey = (role: Role, peer: string): string => `${role}/${peer}`
export const parcelPrefix = (role: Role, peer: string): string => `${role}/${peer}/`
export const parcelKey = (role: Role, peer: string, seq: number): string =>
  `${role}/${peer}/${String(seq).padStart(DIGITS, '0')}`

/** Peer and number of a parcel's key. */
export function parseParcelKey(key: string): { peer: string; seq: number } {
  const [, peer = '', digits = ''] = key.split('/')
  return { peer, seq: Number(digits) }
}
