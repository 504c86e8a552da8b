/** The blocks that a tar archive is made of, in bytes. */
export const TAR_BLOCK = 512

/** What a header says of its entry. */
export interface TarFields {
  readonly path: string
  /** `file`, `folder`, or the letter of any other kind. */
  readonly type: string
  readonly link: string
  readonly size: number
}

/** Kinds of entries that say more about the next one: pax for it, pax for all, and GNU's long names and targets. */
export const EXTENDED: readonly string[] = ['x', 'g', 'L', 'K']

const FILE: readonly string[] = ['\0', '0', '7']
const CHECKSUM = { start: 148, end: 156 } as const

/** The end of an archive is a block of zeros. */
export const isEnd = (block: Uint8Array): boolean => block[0] === 0 && block.every((byte) => byte === 0)

/** Reads a header of ustar, GNU, or the format before them. Throws where it is none. */
export function parseTarHeader(bytes: Uint8Array): TarFields {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, TAR_BLOCK)
  if (sumOf(block) !== octal(block, CHECKSUM.start, CHECKSUM.end)) throw new Error('a header is damaged')
  const letter = String.fromCharCode(block[156] ?? 0)
  const magic = block.toString('latin1', 257, 263)
  const prefix = magic === 'ustar\0' ? text(block, 345, 500) : ''
  const name = text(block, 0, 100)
  const path = prefix === '' ? name : `${prefix}/${name}`
  // Before ustar a folder was a file whose name ends with a slash.
  const isOld = !magic.startsWith('ustar')
  const isFolder = letter === '5' || (isOld && FILE.includes(letter) && path.endsWith('/'))
  const type = isFolder ? 'folder' : FILE.includes(letter) ? 'file' : letter
  return { path, type, link: text(block, 157, 257), size: isFolder || letter === '2' ? 0 : number(block, 124, 136) }
}

/** The sum of all bytes, its own field taken for blanks. */
function sumOf(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < CHECKSUM.start; at += 1) sum += block[at] ?? 0
  for (let at = CHECKSUM.end; at < TAR_BLOCK; at += 1) sum += block[at] ?? 0
  return sum
}

function text(block: Buffer, start: number, end: number): string {
  const zero = block.indexOf(0, start)
  return block.toString('utf8', start, zero === -1 || zero > end ? end : zero)
}

function octal(block: Buffer, start: number, end: number): number {
  const digits = block.toString('latin1', start, end).replaceAll('\0', ' ').trim()
  if (!/^[0-7]*$/.test(digits)) throw new Error('a header has a number that is none')
  return Number.parseInt(digits || '0', 8)
}

/** In octal digits or, where they do not suffice, in binary after a first bit. */
function number(block: Buffer, start: number, end: number): number {
  if (((block[start] ?? 0) & 0x80) === 0) return octal(block, start, end)
  let value = (block[start] ?? 0) & 0x7f
  for (let at = start + 1; at < end; at += 1) value = value * 256 + (block[at] ?? 0)
  return sensible(value)
}

function sensible(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw new Error('a header has a size that cannot be')
}

/** A name that is too long for a header, in GNU's way. */
export const longNameIn = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '')

/** What the records of pax say: `<length> <key>=<value>\n`, the length being that of the whole record in bytes. */
export function recordsIn(bytes: Uint8Array): { path?: string; link?: string; size?: number } {
  const all = Buffer.from(bytes)
  const said: { path?: string; link?: string; size?: number } = {}
  for (let at = 0; at < all.length;) {
    const [whole = '', digits = ''] = /^(\d{1,7}) /.exec(all.toString('latin1', at, at + 8)) ?? []
    const end = at + Number(digits)
    if (digits === '' || end > all.length || end <= at + whole.length) throw new Error('an extended header is damaged')
    const [, key, value = ''] = /^([^=]*)=(.*)\n$/s.exec(all.toString('utf8', at + whole.length, end)) ?? []
    if (key === undefined) throw new Error('an extended header is damaged')
    if (key === 'path') said.path = value
    else if (key === 'linkpath') said.link = value
    else if (key === 'size') said.size = sensible(Number(value))
    at = end
  }
  return said
}
