import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AddedData, DataEntry, Page } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { AddOptions, Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { readQuery } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { tarEntries } from './tar-entries.ts'

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
    if (path === undefined)
      throw new BacalhauError('BadRequest', "query parameter 'cid' is missing: a CID, or a path below one")
    return { NextToken: '', Items: await content.list(path, { signal: callerSignal(reply, stopping) }) }
  })
  app.get(`${DATA}/pins`, async (): Promise<Page<string>> => ({ NextToken: '', Items: await content.pins() }))
  app.delete(`${DATA}/pins/:cid`, async (request) => {
    const CID = pathParameter(request, 'cid')
    await content.unpin(CID)
    return { CID }
  })
  app.post(`${DATA}/gc`, (_request, reply) => content.collectGarbage(callerSignal(reply, stopping)))
}

/** The body is one file or, by its content type, a folder as a tar archive. */
async function add(request: FastifyRequest, reply: FastifyReply, { content, stopping }: Api): Promise<AddedData> {
  const query = readQuery(request.query)
  const cidVersion = query.word('cid-version', ['0', '1']) === '1' ? 1 : 0
  const name = query.text('name', 255)
  if (name !== undefined && (/[/\0]/.test(name) || name === '.' || name === '..')) {
    throw new BacalhauError('BadRequest', "query parameter 'name' must be a plain file name")
  }
  const options: AddOptions = {
    cidVersion,
    signal: callerSignal(reply, stopping),
    ...(name === undefined ? {} : { wrap: name }),
  }
  request.socket.setTimeout(LIMITS.streamStall)
  const body = (request.body ?? []) as AsyncIterable<Uint8Array>
  const isTar = /^application\/x-tar\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  return isTar ? content.addTree(tarEntries(body), options) : content.addFile(body, options)
}
