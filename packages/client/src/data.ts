import type { AddedData, DataEntry } from '@bacalhau/models'
import type { CallOptions } from './jobs.ts'
import { pageOf, shaped, text } from './shape.ts'
import type { Body, Transport } from './transport.ts'

export interface AddOptions extends CallOptions {
  /** 0 (default) gives `Qm…`, 1 gives `bafy…`, each as `ipfs add` does. */
  readonly cidVersion?: 0 | 1
  /** Puts the file into a folder, under this name. */
  readonly name?: string
  /** The bytes are a tar archive; what is in it is added as a folder. */
  readonly tar?: boolean
}

export interface GetOptions extends CallOptions {
  /** `raw`: the one block. `car`: everything below, block by block. `tar`: the file or folder as an archive. */
  readonly format?: 'raw' | 'car' | 'tar'
}

export interface CollectedData {
  readonly Blocks: number
  readonly Bytes: number
}

/** Content of the node and of the swarm. A `path` is `<cid>` or `<cid>/name/name`. */
export interface Data {
  add(content: Body | AsyncIterable<Uint8Array>, options?: AddOptions): Promise<AddedData>
  /** The bytes of a file, or of another form of the content. */
  get(path: string, options?: GetOptions): Promise<ReadableStream<Uint8Array>>
  ls(path: string, options?: CallOptions): Promise<readonly DataEntry[]>
  pins(options?: CallOptions): Promise<readonly string[]>
  unpin(cid: string, options?: CallOptions): Promise<void>
  /** Removes what is not pinned. */
  gc(options?: CallOptions): Promise<CollectedData>
}

const PATH = '/api/v1/data'

const added = shaped<AddedData>({ CID: 'string', Bytes: 'number', Files: 'number' })
const entry = shaped<DataEntry>({ Name: 'string', CID: 'string', Bytes: 'number', Type: 'string' })
const collected = shaped<CollectedData>({ Blocks: 'number', Bytes: 'number' })
const anything = shaped<object>({})

export function createData(transport: Transport): Data {
  return {
    add: async (content, { cidVersion, name, tar = false, signal } = {}) => {
      const source = toBody(content)
      try {
        return await transport.ask('PUT', PATH, added, {
          query: { 'cid-version': cidVersion, name },
          headers: { 'content-type': tar ? 'application/x-tar' : 'application/octet-stream' },
          body: source.body,
          signal,
        })
      } catch (error) {
        // A source that fails takes the request with it; then the source is to blame, not the connection.
        throw source.failure() ?? error
      }
    },
    async get(path, { format, signal } = {}) {
      const escaped = path.split('/').map(encodeURIComponent).join('/')
      const { body } = await transport.send('GET', `/ipfs/${escaped}`, { query: { format }, signal })
      return body ?? new ReadableStream({ start: (controller) => controller.close() })
    },
    ls: async (path, { signal } = {}) =>
      (await transport.ask('GET', `${PATH}/ls`, pageOf(entry), { query: { cid: path }, signal })).Items,
    pins: async ({ signal } = {}) => (await transport.ask('GET', `${PATH}/pins`, pageOf(text), { signal })).Items,
    async unpin(cid, { signal } = {}) {
      await transport.ask('DELETE', `${PATH}/pins/${encodeURIComponent(cid)}`, anything, { signal })
    },
    gc: ({ signal } = {}) => transport.ask('POST', `${PATH}/gc`, collected, { signal }),
  }
}

interface Source {
  readonly body: Body
  /** Why the bytes broke off, if they did. */
  failure(): Error | undefined
}

function toBody(content: Body | AsyncIterable<Uint8Array>): Source {
  if (typeof content === 'string' || !(Symbol.asyncIterator in content)) {
    return { body: content, failure: () => undefined }
  }
  const iterator = content[Symbol.asyncIterator]()
  let failure: Error | undefined
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const step = await iterator.next()
        if (step.done === true) controller.close()
        else controller.enqueue(step.value)
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error))
        throw failure
      }
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  return { body, failure: () => failure }
}
