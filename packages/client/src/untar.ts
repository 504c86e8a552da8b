/** One thing in an archive. */
export type ArchiveEntry =
  | {
      readonly kind: 'file'
      readonly path: string
      readonly size: number
      readonly content: () => AsyncGenerator<Uint8Array, void>
    }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }

const BLOCK = 512
/** Bytes of a header that says more about the next one. */
const LONGEST_EXTENDED = 64 * 1024
const decoder = new TextDecoder()

/** Damage is told as `Error`. */
const damaged = (why: string) => new Error(`the archive is damaged: ${why}`)

/**
 * The entries of a tar archive (ustar, pax, GNU). The content of a file is read, once, before the next entry is asked for. No path leads
 * out of the archive. Throws `Error` for what is none, and for one that ends too early.
 */
export async function* untar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const input = createInput(archive)
  for (let header = await nextHeader(input); header !== undefined; header = await nextHeader(input)) {
    const path = plainPath(header.path)
    if (header.type === '5') yield { kind: 'directory', path }
    else if (header.type === '2') yield { kind: 'symlink', path, target: header.link }
    else if ('\0' === header.type || '0' === header.type) yield* fileOf(path, header.size, input)
    else await skip(input, padded(header.size))
  }
  // Whoever packed it checks at the very end that it came whole.
  await input.drain()
}

interface Header {
  readonly path: string
  readonly type: string
  readonly link: string
  readonly size: number
}

/** The next header that is of an entry, with what precedes it; undefined at the end. */
async function nextHeader(input: Input): Promise<Header | undefined> {
  let said: Partial<Header> = {}
  for (;;) {
    const block = await input.read(BLOCK)
    if (block.every((byte) => byte === 0)) return undefined
    const header = parseHeader(block)
    if (!['x', 'g', 'L', 'K'].includes(header.type)) return { ...header, ...said }
    if (header.size > LONGEST_EXTENDED) throw damaged('a header is too long')
    const bytes = (await input.read(padded(header.size))).subarray(0, header.size)
    if (header.type === 'L') said = { ...said, path: textOf(bytes) }
    else if (header.type === 'K') said = { ...said, link: textOf(bytes) }
    else if (header.type === 'x') said = { ...said, ...recordsOf(bytes) }
  }
}

function parseHeader(block: Uint8Array): Header {
  const field = (start: number, end: number) => textOf(block.subarray(start, end))
  const sum = block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (sum !== Number.parseInt(field(148, 156).trim(), 8)) throw damaged('a header is wrong')
  const prefix = field(257, 263) === 'ustar' ? field(345, 500) : ''
  const name = field(0, 100)
  const type = String.fromCharCode(block[156] ?? 0)
  const size = type === '5' || type === '2' ? 0 : numberOf(block.subarray(124, 136))
  return { path: prefix === '' ? name : `${prefix}/${name}`, type, link: field(157, 257), size }
}

function textOf(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0)
  return decoder.decode(zero === -1 ? bytes : bytes.subarray(0, zero))
}

/** In octal digits or, where they do not suffice, in binary after a first bit. */
function numberOf(bytes: Uint8Array): number {
  const [first = 0, ...rest] = bytes
  const binary = (first & 0x80) !== 0
  const value = binary
    ? rest.reduce((sum, byte) => sum * 256 + byte, first & 0x7f)
    : Number.parseInt(textOf(bytes).trim() || '0', 8)
  return sensible(value)
}

function sensible(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw damaged('a size is none')
}

/** `<length> <key>=<value>\n`, the length being that of the whole record in bytes. */
function recordsOf(bytes: Uint8Array): Partial<Header> {
  let said: Partial<Header> = {}
  for (let at = 0; at < bytes.length;) {
    const digits = /^\d{1,7}(?= )/.exec(decoder.decode(bytes.subarray(at, at + 8)))?.[0] ?? ''
    const end = at + Number(digits)
    if (digits === '' || end > bytes.length || end <= at + digits.length) throw damaged('a record is wrong')
    const [, key = '', value = ''] =
      /^([^=]*)=(.*)\n$/s.exec(decoder.decode(bytes.subarray(at + digits.length + 1, end))) ?? []
    if (key === 'path') said = { ...said, path: value }
    if (key === 'linkpath') said = { ...said, link: value }
    if (key === 'size') said = { ...said, size: sensible(Number(value)) }
    at = end
  }
  return said
}

/** A path of a stranger, made one that leads downwards only. */
function plainPath(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (path.startsWith('/') || names.includes('..'))
    throw damaged(`it has an entry ${JSON.stringify(path.slice(0, 300))}`)
  return names.join('/')
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK

async function* fileOf(path: string, size: number, input: Input): AsyncGenerator<ArchiveEntry> {
  let left = padded(size)
  async function* content() {
    for (let rest = size; rest > 0;) {
      const bytes = await input.some(rest)
      rest -= bytes.length
      left -= bytes.length
      yield bytes
    }
  }
  yield { kind: 'file', path, size, content }
  await skip(input, left)
}

async function skip(input: Input, length: number): Promise<void> {
  for (let left = length; left > 0;) left -= (await input.some(left)).length
}

interface Input {
  /** The next bytes, at least one and at most so many. */
  some(most: number): Promise<Uint8Array>
  read(length: number): Promise<Uint8Array>
  drain(): Promise<void>
}

function createInput(source: AsyncIterable<Uint8Array>): Input {
  const chunks = source[Symbol.asyncIterator]()
  let chunk = new Uint8Array()
  async function some(most: number): Promise<Uint8Array> {
    while (chunk.length === 0) {
      const next = await chunks.next()
      if (next.done === true) throw damaged('it ends too early')
      chunk = next.value as Uint8Array<ArrayBuffer>
    }
    const taken = chunk.subarray(0, most)
    chunk = chunk.subarray(taken.length)
    return taken
  }
  return {
    some,
    async read(length) {
      const bytes = new Uint8Array(length)
      for (let filled = 0; filled < length;) {
        const part = await some(length - filled)
        bytes.set(part, filled)
        filled += part.length
      }
      return bytes
    },
    async drain() {
      for (let next = await chunks.next(); next.done !== true;) next = await chunks.next()
    },
  }
}
