import { CID } from 'multiformats/cid'
import { cidFromPrefix, prefixOf } from '../cid.ts'
import { bytesField, bytesHeader, readFields, varintField } from '../../network/protobuf.ts'

/**
 * Bitswap 1.2 (https://specs.ipfs.tech/bitswap-protocol/): protobuf messages, each after its length, on streams that carry
 * one direction only. Wants, the blocks that answer them, and word of who has what, in any mixture.
 */
export const BITSWAP_PROTOCOL = '/ipfs/bitswap/1.2.0'

/** What Kubo sends at most. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

export interface Want {
  readonly cid: CID
  /** Revokes an earlier want. */
  readonly cancel: boolean
  /** Only asks whether the peer has the block. */
  readonly haveOnly: boolean
  /** An answer is wanted also if the peer does not have the block. */
  readonly sendDontHave: boolean
}

export interface BitswapMessage {
  /** `wants` replaces all earlier ones. */
  readonly full: boolean
  readonly wants: readonly Want[]
  readonly blocks: readonly { readonly cid: CID; readonly block: Uint8Array }[]
  readonly presences: readonly { readonly cid: CID; readonly has: boolean }[]
}

const MESSAGE = { wantlist: 1, block: 3, presence: 4 } as const
const WANTLIST = { entry: 1, full: 2 } as const
const ENTRY = { cid: 1, priority: 2, cancel: 3, wantType: 4, sendDontHave: 5 } as const
const BLOCK = { prefix: 1, data: 2 } as const
const PRESENCE = { cid: 1, type: 2 } as const
const WANT_HAVE = 1
const DO_NOT_HAVE = 1

export function encodeBitswap({ full, wants, blocks, presences }: BitswapMessage): Uint8Array {
  return Buffer.concat([
    ...(wants.length > 0 || full ? [bytesField(MESSAGE.wantlist, encodeWantlist(wants, full))] : []),
    ...blocks.flatMap(({ cid, block }) => {
      const head = Buffer.concat([bytesField(BLOCK.prefix, prefixOf(cid)), bytesHeader(BLOCK.data, block.length)])
      return [bytesHeader(MESSAGE.block, head.length + block.length), head, block]
    }),
    ...presences.map(({ cid, has }) =>
      bytesField(
        MESSAGE.presence,
        Buffer.concat([bytesField(PRESENCE.cid, cid.bytes), varintField(PRESENCE.type, has ? 0 : DO_NOT_HAVE)]),
      ),
    ),
  ])
}

function encodeWantlist(wants: readonly Want[], full: boolean): Uint8Array {
  const entries = wants.map(({ cid, cancel, haveOnly, sendDontHave }) =>
    bytesField(
      WANTLIST.entry,
      Buffer.concat([
        bytesField(ENTRY.cid, cid.bytes),
        varintField(ENTRY.priority, 1),
        varintField(ENTRY.cancel, cancel ? 1 : 0),
        varintField(ENTRY.wantType, haveOnly ? WANT_HAVE : 0),
        varintField(ENTRY.sendDontHave, sendDontHave ? 1 : 0),
      ]),
    ),
  )
  return Buffer.concat([...entries, varintField(WANTLIST.full, full ? 1 : 0)])
}

/**
 * The CIDs of `blocks` are computed from their bytes. Entries whose CID this node cannot read are left out. Throws
 * `ContentInvalid` for what is not a message.
 */
export function decodeBitswap(bytes: Uint8Array): BitswapMessage {
  let wantlist: { full: boolean; wants: Want[] } = { full: false, wants: [] }
  const blocks: { cid: CID; block: Uint8Array }[] = []
  const presences: { cid: CID; has: boolean }[] = []
  for (const field of readFields(bytes)) {
    if (field.wire !== 'bytes') continue
    if (field.number === MESSAGE.wantlist) wantlist = decodeWantlist(field.value)
    if (field.number === MESSAGE.block) blocks.push(...decodeBlock(field.value))
    if (field.number === MESSAGE.presence) presences.push(...decodePresence(field.value))
  }
  return { ...wantlist, blocks, presences }
}

function decodeWantlist(bytes: Uint8Array): { full: boolean; wants: Want[] } {
  const wants: Want[] = []
  let full = false
  for (const { number, value } of readFields(bytes)) {
    if (number === WANTLIST.full) full = value === 1
    if (number === WANTLIST.entry && typeof value !== 'number') wants.push(...decodeEntry(value))
  }
  return { full, wants }
}

function decodeEntry(bytes: Uint8Array): Want[] {
  let cid: CID | undefined
  const numbers = new Map<number, number>()
  for (const { number, value } of readFields(bytes)) {
    if (typeof value === 'number') numbers.set(number, value)
    else if (number === ENTRY.cid) cid = decodeCid(value)
  }
  if (cid === undefined) return []
  return [
    {
      cid,
      cancel: numbers.get(ENTRY.cancel) === 1,
      haveOnly: numbers.get(ENTRY.wantType) === WANT_HAVE,
      sendDontHave: numbers.get(ENTRY.sendDontHave) === 1,
    },
  ]
}

function decodeBlock(bytes: Uint8Array): { cid: CID; block: Uint8Array }[] {
  let prefix: Uint8Array = new Uint8Array()
  let block: Uint8Array = new Uint8Array()
  for (const { number, value } of readFields(bytes)) {
    if (typeof value === 'number') continue
    if (number === BLOCK.prefix) prefix = value
    if (number === BLOCK.data) block = value
  }
  const cid = cidFromPrefix(prefix, block)
  return cid === undefined ? [] : [{ cid, block }]
}

function decodePresence(bytes: Uint8Array): { cid: CID; has: boolean }[] {
  let cid: CID | undefined
  let has = true
  for (const { number, value } of readFields(bytes)) {
    if (number === PRESENCE.type) has = value !== DO_NOT_HAVE
    else if (number === PRESENCE.cid && typeof value !== 'number') cid = decodeCid(value)
  }
  return cid === undefined ? [] : [{ cid, has }]
}

function decodeCid(bytes: Uint8Array): CID | undefined {
  try {
    return CID.decode(bytes)
  } catch {
    return undefined
  }
}
