/** Of one entry of a tar archive. */
export interface TarHeader {
  /** With `/` between the names, and at the end of a folder. */
  readonly name: string
  readonly type: 'file' | 'folder' | 'link'
  /** Bytes of a file. */
  readonly size: number
  /** What a link points to. */
  readonly target?: string
}

const BLOCK = 512
/** Bytes that the fields of the format have room for, and the largest number of octal digits that a size may have. */
const NAME = 100
const LARGEST = 0o77777777777

const TYPES = { file: '0', link: '2', folder: '5' } as const
const MODES = { file: 0o644, link: 0o777, folder: 0o755 } as const

/**
 * The header of an entry, in the format of POSIX (ustar), preceded by an extended one (pax) for what has no room in it. Times,
 * owners and modes are the same for all, so that the same folder gives the same archive.
 */
export function tarHeader({ name, type, size, target = '' }: TarHeader): Buffer {
  const records: string[] = []
  if (Buffer.byteLength(name) > NAME) records.push(record('path', name))
  if (Buffer.byteLength(target) > NAME) records.push(record('linkpath', target))
  if (size > LARGEST) records.push(record('size', String(size)))
  const own = block(name, TYPES[type], MODES[type], size > LARGEST ? 0 : size, target)
  if (records.length === 0) return own
  const extended = Buffer.from(records.join(''))
  return Buffer.concat([block('pax', 'x', 0o644, extended.length, ''), extended, padding(extended.length), own])
}

/** What fills the last block of `size` bytes. */
export const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

/** The end of an archive. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK)

/** A record says how long it is, its own length included. */
function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length > String(rest).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function block(name: string, type: string, mode: number, size: number, target: string): Buffer {
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, digits: number) => header.write(value.toString(8).padStart(digits, '0'), at)
  header.write(name, 0, NAME)
  octal(mode, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(0, 136, 11)
  header.write(type, 156)
  header.write(target, 157, NAME)
  header.write('ustar\u000000', 257)
  // The sum of all bytes, with blanks in its own place.
  header.fill(' ', 148, 156)
  let sum = 0
  for (const byte of header) sum += byte
  octal(sum, 148, 6)
  header.write('\0 ', 154)
  return header
}
