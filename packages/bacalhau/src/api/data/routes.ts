import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AddedData, DataEntry, Page } from '@bacalhau/models'
import { parseCid, parseContentRef } from '../../content/cid.ts'
import { tarEntries } from '../../content/tar-entries.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { queryNeeded, queryText, queryWord } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import { bounded } from './bounded.ts'
import { listEntries } from './entries.ts'

const DATA = '/api/v1/data'

const read = { method: 'GET', needs: 'read:data', tag: 'data' } as const
const write = { needs: 'write:data', tag: 'data' } as const
const upload = {
  ...write,
  path: DATA,
  summary: 'Add a file, or a folder as a tar archive',
  query: z.object({ 'cid-version': queryWord(['0', '1']), name: queryText(255) }),
  bodyType: '*/*',
  streamed: true,
} as const
const listing = {
  ...read,
  path: `${DATA}/ls`,
  summary: 'Entries of a folder',
  patience: 2 * LIMITS.contentLookup,
  query: z.object({ cid: queryNeeded('a CID, or a path below one', 8_192) }),
} as const
const unpin = {
  ...write,
  needs: 'write:agent',
  method: 'DELETE',
  path: `${DATA}/pins/:cid`,
  summary: 'Keep it no longer',
} as const
const collect = {
  ...write,
  needs: 'write:agent',
  method: 'POST',
  path: `${DATA}/gc`,
  summary: 'Remove what nothing needs',
  streamed: true,
} as const

export function dataRoutes(app: FastifyInstance, api: Api): void {
  const { content, stopping } = api
  // Bodies of any type and size go through as they come.
  void app.register((uploads, _options, done) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
    for (const method of ['PUT', 'POST'] as const) {
      addRoute(uploads, { ...upload, method }, (request, reply, query) => add(request, reply, query, api))
    }
    done()
  })
  addRoute(app, listing, async (_request, reply, { cid: path }): Promise<Page<DataEntry>> => {
    const signal = callerSignal(reply, stopping)
    return { NextToken: '', Items: await listEntries(content, parseContentRef(path), { signal }) }
  })
  addRoute(
    app,
    { ...read, needs: 'read:agent', path: `${DATA}/pins`, summary: 'What is kept here for good' },
    (): Page<string> => ({
      NextToken: '',
      Items: content.pins(),
    }),
  )
  addRoute(app, unpin, (request) => {
    const cid = parseCid(pathParameter(request, 'cid'))
    if (!content.unpin(cid)) throw new BacalhauError('NotFound', `${cid.toString()} is not pinned`)
    return { CID: cid.toString() }
  })
  addRoute(app, collect, async (_request, reply) => {
    const { blocks, bytes } = await content.collect(callerSignal(reply, stopping))
    return { Blocks: blocks, Bytes: bytes }
  })
}

/** The body is one file or, by its content type, a folder as a tar archive. */
async function add(
  request: FastifyRequest,
  reply: FastifyReply,
  query: z.output<typeof upload.query>,
  { content, stopping, freeDisk }: Api,
): Promise<AddedData> {
  const cidVersion = query['cid-version'] === '1' ? 1 : 0
  const { name } = query
  if (name !== undefined && (/[/\0]/.test(name) || name === '.' || name === '..')) {
    throw new BacalhauError('BadRequest', "query parameter 'name' must be a plain file name")
  }
  const signal = callerSignal(reply, stopping)
  request.socket.setTimeout(LIMITS.streamStall)
  const length = request.headers['content-length']
  // What is not wanted of it is not cut off: the caller is to get the answer.
  const source = request.body instanceof Readable ? request.body.iterator({ destroyOnReturn: false }) : nothing()
  const body = bounded(source, length === undefined ? undefined : Number(length), {
    most: LIMITS.contentBytes,
    freeDisk,
  })
  const isTar = /^application\/x-tar\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  const { cid, bytes, files } = isTar
    ? await content.addTree(tarEntries(body), { cidVersion, signal })
    : await content.add(body, { cidVersion, signal, ...(name === undefined ? {} : { wrap: name }) })
  return { CID: cid.toString(), Bytes: bytes, Files: files }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
