import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AddedData, DataEntry, Page } from '@bacalhau/models'
import { parseCid, parseContentRef } from '../../content/cid.ts'
import { tarEntries } from '../../content/tar-entries.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { readQuery } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { listEntries } from './entries.ts'

const DATA = '/api/v1/data'

export function dataRoutes(app: FastifyInstance, api: Api): void {
  const { content, stopping } = api
  // Bodies of any type and size go through as they come.
  void app.register((uploads, _options, done) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
    const handler = (request: FastifyRequest, reply: FastifyReply) => add(request, reply, api)
    uploads.route({ method: ['PUT', 'POST'], url: DATA, config: { streamed: true }, handler })
    done()
  })
  app.get(`${DATA}/ls`, async (request, reply): Promise<Page<DataEntry>> => {
    const path = readQuery(request.query).text('cid', 8_192)
    if (path === undefined) {
      throw new BacalhauError('BadRequest', "query parameter 'cid' is missing: a CID, or a path below one")
    }
    const signal = callerSignal(reply, stopping)
    return { NextToken: '', Items: await listEntries(content, parseContentRef(path), { signal }) }
  })
  app.get(`${DATA}/pins`, (): Page<string> => ({ NextToken: '', Items: content.pins() }))
  app.delete(`${DATA}/pins/:cid`, (request) => {
    const cid = parseCid(pathParameter(request, 'cid'))
    if (!content.unpin(cid)) throw new BacalhauError('NotFound', `${cid.toString()} is not pinned`)
    return { CID: cid.toString() }
  })
  app.post(`${DATA}/gc`, async (_request, reply) => {
    const { blocks, bytes } = await content.collect(callerSignal(reply, stopping))
    return { Blocks: blocks, Bytes: bytes }
  })
}

/** The body is one file or, by its content type, a folder as a tar archive. */
async function add(request: FastifyRequest, reply: FastifyReply, { content, stopping }: Api): Promise<AddedData> {
  const query = readQuery(request.query)
  const cidVersion = query.word('cid-version', ['0', '1']) === '1' ? 1 : 0
  const name = query.text('name', 255)
  if (name !== undefined && (/[/\0]/.test(name) || name === '.' || name === '..')) {
    throw new BacalhauError('BadRequest', "query parameter 'name' must be a plain file name")
  }
  const signal = callerSignal(reply, stopping)
  request.socket.setTimeout(LIMITS.streamStall)
  const body = (request.body ?? nothing()) as AsyncIterable<Uint8Array>
  const isTar = /^application\/x-tar\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  const { cid, bytes, files } = isTar
    ? await content.addTree(tarEntries(body), { cidVersion, signal })
    : await content.add(body, { cidVersion, signal, ...(name === undefined ? {} : { wrap: name }) })
  return { CID: cid.toString(), Bytes: bytes, Files: files }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
