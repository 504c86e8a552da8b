import { rm, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Content } from '../../content/content.ts'
import { readWhole } from '../../content/read-whole.ts'
import { unpack } from '../../content/unpack.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { InputCache } from '../input-cache.ts'
import type { InputSize, InputSource, PreparedInput } from '../source.ts'
import { type DataUrl, parseDataUrl } from './data-url.ts'
import { headOf, type InlineParams, type KeptInline, parseInlineParams } from './params.ts'

/** Where content is found that orchestrators keep for their jobs, and where it lies ready once it is here. */
export interface InlineSupply {
  readonly content: Pick<Content, 'has' | 'stat' | 'cat' | 'export'>
  readonly cache: InputCache
}

const ARCHIVES: readonly string[] = ['application/gzip', 'application/x-gzip']
const isArchive = (mediaType: string): boolean => ARCHIVES.includes(mediaType)

/**
 * Content that came with the spec, as a `data:` URL: a file, or, as `application/gzip`, a folder in a tar archive. The spec
 * still carries it, or says by which CID the orchestrator keeps it; the latter is fetched and unpacked once for all executions
 * that read it. Without a supply only what the spec itself carries is served.
 */
export function createInlineSource(supply?: InlineSupply): InputSource {
  const demandSupply = (): InlineSupply => {
    if (supply !== undefined) return supply
    throw new BacalhauError('InputFailed', 'this node has no access to content that an orchestrator keeps')
  }
  return {
    types: ['inline'],
    available: async () => true,
    validate: (spec) => check(parseInlineParams(spec)),
    async measure(spec, signal) {
      const params = parseInlineParams(spec)
      if ('kept' in params) return measureKept(params.kept, demandSupply(), signal)
      return { bytes: sizeOf(parseDataUrl(params.url)), local: true }
    },
    async prepare(spec, folder, signal) {
      const params = parseInlineParams(spec)
      if ('kept' in params) return prepareKept(params.kept, demandSupply(), signal)
      return prepareOwn(parseDataUrl(params.url), path.join(folder, 'inline'), signal)
    },
  }
}

function check(params: InlineParams): void {
  if ('url' in params) parseDataUrl(params.url)
}

/** The folder is private to the execution and goes with it; releasing early only gives the space back sooner. */
async function prepareOwn(data: DataUrl, hostPath: string, signal: AbortSignal): Promise<PreparedInput> {
  const kind = await write(data, hostPath, signal)
  return { hostPath, kind, release: () => (kind === 'file' ? removeFile(hostPath) : removeTree(hostPath)) }
}

const removeTree = (place: string) => rm(place, { recursive: true, force: true })

/** One call of the system where a tree takes several: most modules are inline. */
async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

function prepareKept(kept: KeptInline, { content, cache }: InlineSupply, signal: AbortSignal): Promise<PreparedInput> {
  const make = async (target: string, signal: AbortSignal) => {
    if (isPlainFile(kept)) {
      return content.export({ cid: kept.cid, path: [] }, target, { signal, maxBytes: LIMITS.inlineContent })
    }
    const data = await fetchData(kept, content, signal)
    return { kind: await write(data, target, signal), bytes: sizeOf(data) }
  }
  return cache.acquire(keyOf(kept), make, signal)
}

async function measureKept(
  kept: KeptInline,
  { content, cache }: InlineSupply,
  signal: AbortSignal,
): Promise<InputSize> {
  const ready = cache.bytesOf(keyOf(kept))
  if (ready !== undefined) return { bytes: ready, local: true }
  const ref = { cid: kept.cid, path: [] }
  const local = await content.has(ref)
  if (isPlainFile(kept)) return { bytes: (await content.stat(ref, { signal })).bytes, local }
  return { bytes: sizeOf(await fetchData(kept, content, signal)), local }
}

async function fetchData(kept: KeptInline, content: InlineSupply['content'], signal: AbortSignal): Promise<DataUrl> {
  const bytes = await readWhole(content, { cid: kept.cid, path: [] }, { signal, maxBytes: LIMITS.inlineContent })
  return kept.mediaType === undefined ? parseDataUrl(bytes.toString()) : { mediaType: typeOf(kept.mediaType), bytes }
}

/** The media type without its parameters. */
const typeOf = (mediaType: string): string => parseDataUrl(headOf(mediaType)).mediaType

const isPlainFile = ({ mediaType }: KeptInline): boolean => mediaType !== undefined && !isArchive(typeOf(mediaType))

/** A file name. The same bytes are another input as a file than as an archive or as the text of a URL. */
function keyOf(kept: KeptInline): string {
  const form = kept.mediaType === undefined ? 'url' : isPlainFile(kept) ? 'file' : 'archive'
  return `inline-${form}-${kept.cid.toString()}`
}

/** Writes a file or unpacks an archive to `hostPath`; nothing is left there when it fails. */
async function write(
  { mediaType, bytes }: DataUrl,
  hostPath: string,
  signal: AbortSignal,
): Promise<PreparedInput['kind']> {
  signal.throwIfAborted()
  try {
    if (isArchive(mediaType)) await unpackInline(bytes, hostPath, signal)
    else await writeFile(hostPath, bytes, { mode: 0o444, flag: 'wx', signal })
    return isArchive(mediaType) ? 'folder' : 'file'
  } catch (error) {
    await removeTree(hostPath)
    throw error
  }
}

/** What an archive may become: no more than this for each byte of it, though always a little. */
const MAX_RATIO = 200
const ALWAYS_ALLOWED = 16 * 1024 * 1024

async function unpackInline(archive: Uint8Array, folder: string, signal: AbortSignal): Promise<void> {
  const maxBytes = Math.min(LIMITS.inlineUnpacked, Math.max(ALWAYS_ALLOWED, archive.length * MAX_RATIO))
  try {
    await unpack(Readable.from([archive]), folder, { maxBytes, maxFiles: LIMITS.executionFiles, signal })
  } catch (cause) {
    signal.throwIfAborted()
    if (isBacalhauError(cause) && cause.code === 'DiskFull') throw cause
    throw new BacalhauError('InputFailed', `an inline input: ${messageOf(cause)}`, { cause })
  }
}

/** A gzip file ends with how many bytes it unpacks to, modulo 2^32 (RFC 1952); a lie is found out when it is unpacked. */
function sizeOf({ mediaType, bytes }: DataUrl): number {
  if (!isArchive(mediaType) || bytes.length < 18) return bytes.length
  return Buffer.from(bytes).readUInt32LE(bytes.length - 4)
}
