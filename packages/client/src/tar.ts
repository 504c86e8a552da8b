/** One file of a folder that is sent. Of a stream the size has to be said, since it comes before the bytes. */
export type FolderEntry =
  | { readonly path: string; readonly content: string | Uint8Array<ArrayBuffer> | Blob }
  | { readonly path: string; readonly content: AsyncIterable<Uint8Array>; readonly size: number }

/** What an archive is put together from: bytes, or a file that is read when its turn comes. */
export type TarPart = Uint8Array<ArrayBuffer> | Blob

const BLOCK = 512
const encoder = new TextEncoder()

/** An archive (POSIX.1-2001, "pax") of these files, in pieces. Throws `TypeError` when a stream is not as long as was said. */
export async function* tarOf(entries: Iterable<FolderEntry> | AsyncIterable<FolderEntry>): AsyncGenerator<TarPart> {
  for await (const entry of entries) {
    const size = sizeOf(entry)
    yield headerOf(entry.path, size)
    yield* contentOf(entry, size)
    yield new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)
  }
  yield new Uint8Array(2 * BLOCK)
}

function sizeOf(entry: FolderEntry): number {
  if ('size' in entry) return entry.size
  const { content } = entry
  if (typeof content === 'string') return encoder.encode(content).length
  return content instanceof Blob ? content.size : content.length
}

async function* contentOf({ path, content }: FolderEntry, size: number): AsyncGenerator<TarPart> {
  if (typeof content === 'string') return yield encoder.encode(content)
  if (content instanceof Blob || content instanceof Uint8Array) return yield content
  let sent = 0
  for await (const chunk of content) {
    sent += chunk.length
    if (sent > size) break
    yield chunk as Uint8Array<ArrayBuffer>
  }
  if (sent !== size) throw new TypeError(`${path} is not the ${size} bytes long that was said`)
}

/** A header, after one of the extended kind, which has no bounds for names and sizes. */
function headerOf(path: string, size: number): Uint8Array<ArrayBuffer> {
  const record = paxRecord('path', path)
  const extended = size < 8 ** 11 ? record : record + paxRecord('size', String(size))
  const bytes = encoder.encode(extended)
  const whole = new Uint8Array(2 * BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK)
  whole.set(block('pax', bytes.length, 'x'))
  whole.set(bytes, BLOCK)
  whole.set(block('file', size < 8 ** 11 ? size : 0, '0'), whole.length - BLOCK)
  return whole
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

/** Offsets and widths of the fields of a ustar header. */
function block(name: string, size: number, type: string): Uint8Array {
  const header = new Uint8Array(BLOCK)
  const set = (offset: number, text: string) => header.set(encoder.encode(text), offset)
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, '0')
  set(0, name)
  set(100, octal(0o644, 8))
  set(108, octal(0, 8))
  set(116, octal(0, 8))
  set(124, octal(size, 12))
  set(136, octal(0, 12))
  set(148, ' '.repeat(8))
  set(156, type)
  set(257, 'ustar\u000000')
  set(
    148,
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )}\0`,
  )
  return header
}
