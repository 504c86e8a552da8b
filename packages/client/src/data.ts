import type { AddedData, DataEntry } from '@bacalhau/models'
import { gatewayPath } from './content/blocks.ts'
import { type ContentEntry, readContent, walkContent } from './content/walk.ts'
import { readResults, type ResultEntry } from './results.ts'
import { pageOf, shaped, text } from './shape.ts'
import { type FolderEntry, tarOf } from './tar.ts'
import type { Body, CallOptions, Transport } from './transport.ts'
import { bodyOf } from './upload-body.ts'

export interface FolderOptions extends CallOptions {
  /** 0 (default) gives `Qm…`, 1 gives `bafy…`, each as `ipfs add` does. */
  readonly cidVersion?: 0 | 1
}

export interface AddOptions extends FolderOptions {
  /** Puts the file into a folder, under this name. */
  readonly name?: string
  /** The bytes are a tar archive; what is in it is added as a folder. */
  readonly tar?: boolean
}

export interface GetOptions extends CallOptions {
  /** `raw`: the one block. `car`: everything below, block by block. `tar`: the file or folder as an archive. */
  readonly format?: 'raw' | 'car' | 'tar'
  /** Of a `car`, leaves out the first blocks: those that came before a connection broke off. */
  readonly skip?: number
}

export interface ReadOptions {
  readonly signal?: AbortSignal
}

export interface ResultOptions extends ReadOptions {
  readonly namespace?: string
}

export interface CollectedData {
  readonly Blocks: number
  readonly Bytes: number
}

/** Content of the node and of the swarm. A `path` is `<cid>` or `<cid>/name/name`. */
export interface Data {
  /** Adds a file, or a folder that comes as a tar archive. Blobs and bytes are sent again when the connection fails. */
  add(content: Body | AsyncIterable<Uint8Array | Blob>, options?: AddOptions): Promise<AddedData>
  /** Adds a folder: a list of files, whose paths may lead into folders. */
  addFolder(entries: Iterable<FolderEntry> | AsyncIterable<FolderEntry>, options?: FolderOptions): Promise<AddedData>
  /** What is at a path, files with their bytes, all of it verified against the CID here. */
  walk(path: string, options?: ReadOptions): AsyncIterable<ContentEntry>
  /** The bytes of a file, verified against the CID here. */
  read(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>
  /**
   * The files of a job's published results: those in IPFS verified, those that a node or S3 gives as an archive unpacked. Of several
   * results each is in a folder of its number, from 0.
   */
  results(jobId: string, options?: ResultOptions): AsyncIterable<ResultEntry>
  /** The bytes of a file, or of another form of the content, as the node gives them: not verified. */
  get(path: string, options?: GetOptions): Promise<ReadableStream<Uint8Array>>
  ls(path: string, options?: CallOptions): Promise<readonly DataEntry[]>
  pins(options?: CallOptions): Promise<readonly string[]>
  unpin(cid: string, options?: CallOptions): Promise<void>
  /** Removes what is not pinned. */
  gc(options?: CallOptions): Promise<CollectedData>
}

const PATH = '/api/v1/data'
/** Until a node has found content in its swarm. Milliseconds. */
const LOOKUP = 120_000

const added = shaped<AddedData>({ CID: 'string', Bytes: 'number', Files: 'number' })
const entry = shaped<DataEntry>({ Name: 'string', CID: 'string', Bytes: 'number', Type: 'string' })
const collected = shaped<CollectedData>({ Blocks: 'number', Bytes: 'number' })
const anything = shaped<object>({})

export function createData(transport: Transport): Data {
  const add: Data['add'] = async (content, { cidVersion, name, tar = false, ...call } = {}) => {
    const source = await bodyOf(content, transport.platform.streamsBodies)
    try {
      return await transport.ask('PUT', PATH, added, {
        query: { 'cid-version': cidVersion, name },
        headers: { 'content-type': tar ? 'application/x-tar' : 'application/octet-stream' },
        body: source.body,
        // The same bytes have the same CID.
        repeatable: true,
        timeout: Infinity,
        ...call,
      })
    } catch (error) {
      // A source that fails takes the request with it; then the source is to blame, not the connection.
      throw source.failure() ?? error
    }
  }
  return {
    add,
    addFolder: (entries, options) => add(tarOf(entries), { ...options, tar: true }),
    walk: (path, { signal } = {}) => walkContent(transport, path, signal),
    read: (path, { signal } = {}) => readContent(transport, path, signal),
    results: (jobId, options = {}) => readResults(transport, jobId, options),
    ...createStorage(transport),
  }
}

function createStorage(transport: Transport): Pick<Data, 'get' | 'ls' | 'pins' | 'unpin' | 'gc'> {
  return {
    async get(path, { format, skip, ...call } = {}) {
      const { body } = await transport.send('GET', gatewayPath(path), {
        query: { format, skip },
        timeout: LOOKUP,
        ...call,
      })
      return body ?? new ReadableStream({ start: (controller) => controller.close() })
    },
    ls: async (path, call = {}) =>
      (await transport.ask('GET', `${PATH}/ls`, pageOf(entry), { query: { cid: path }, timeout: LOOKUP, ...call }))
        .Items,
    pins: async (call = {}) => (await transport.ask('GET', `${PATH}/pins`, pageOf(text), call)).Items,
    async unpin(cid, call = {}) {
      await transport.ask('DELETE', `${PATH}/pins/${encodeURIComponent(cid)}`, anything, call)
    },
    gc: (call = {}) => transport.ask('POST', `${PATH}/gc`, collected, { repeatable: true, timeout: Infinity, ...call }),
  }
}
