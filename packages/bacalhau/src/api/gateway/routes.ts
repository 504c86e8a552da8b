import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BacalhauError } from '../../runtime/error.ts'
import type { Api, ContentStat } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { readQuery } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { streamBody } from '../http/stream.ts'
import { renderListing } from './listing.ts'
import { mediaTypeOf } from './media-type.ts'
import { parseRange } from './range.ts'
import { tarOf } from './tar.ts'

const FORMATS = ['raw', 'car', 'tar'] as const
type Format = (typeof FORMATS)[number]

/** Content types of the trustless gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/), and of Kubo's tar. */
const FORMAT_TYPES: Readonly<Record<Format, string>> = {
  raw: 'application/vnd.ipld.raw',
  car: 'application/vnd.ipld.car',
  tar: 'application/x-tar',
}

interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** `<cid>` or `<cid>/name/name`. */
  readonly path: string
  readonly signal: AbortSignal
  readonly api: Api
}

/** Content by its CID, from here or from the swarm. */
export function gatewayRoutes(app: FastifyInstance, api: Api): void {
  app.get('/ipfs/*', async (request, reply) => {
    const path = pathParameter(request, '*')
      .split('/')
      .filter((part) => part !== '')
      .join('/')
    const format = wantedFormat(request)
    const visit = { request, reply, path, signal: callerSignal(reply, api.stopping), api }
    // What a job made must not act as part of this site, whatever it is.
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    const stat = await api.content.stat(path, visit)
    if (isKnown(visit, etagOf(stat, format, request))) return reply.code(304).send()
    if (format !== undefined) return serveFormat(visit, stat, format)
    return stat.Type === 'directory' ? serveFolder(visit) : serveFile(visit, stat)
  })
}

function wantedFormat(request: FastifyRequest): Format | undefined {
  const accepted = request.headers.accept ?? ''
  return (
    readQuery(request.query).word('format', FORMATS) ??
    FORMATS.find((format) => format !== 'tar' && accepted.includes(FORMAT_TYPES[format]))
  )
}

const wantsHtml = (request: FastifyRequest) => (request.headers.accept ?? '').includes('text/html')

function etagOf({ CID, Type }: ContentStat, format: Format | undefined, request: FastifyRequest): string {
  if (format !== undefined) return `"${CID}.${format}"`
  return Type === 'directory' ? `"${CID}.${wantsHtml(request) ? 'html' : 'json'}"` : `"${CID}"`
}

/** Sets the headers that say for how long the answer holds (for ever, as a CID never changes), and tells whether the caller has it. */
function isKnown({ request, reply }: Visit, etag: string): boolean {
  void reply.headers({ etag, vary: 'accept', 'cache-control': 'private, max-age=31536000, immutable' })
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known !== undefined && (known.includes(etag) || known.includes('*'))
}

async function serveFormat(visit: Visit, { CID }: ContentStat, format: Format) {
  const { request, reply, path, signal, api } = visit
  void reply.headers({
    'content-type': FORMAT_TYPES[format],
    'content-disposition': `attachment; filename="${CID.replaceAll(/[^\w-]/g, '')}.${format === 'raw' ? 'bin' : format}"`,
  })
  if (request.method === 'HEAD') return reply.send()
  if (format === 'raw') return api.content.block(path, { signal })
  const source = format === 'car' ? api.content.car(path, { signal }) : tarOf(api.content, path, { name: CID, signal })
  return reply.send(await streamBody(source, reply))
}

async function serveFolder({ request, reply, path, signal, api }: Visit) {
  const entries = await api.content.list(path, { signal })
  if (!wantsHtml(request)) return { NextToken: '', Items: entries }
  return reply.type('text/html; charset=utf-8').send(renderListing(path, entries))
}

async function serveFile({ request, reply, path, signal, api }: Visit, { CID, Type, Bytes }: ContentStat) {
  if (Type !== 'file') throw new BacalhauError('BadRequest', `${path} is a symbolic link; follow it yourself`)
  const holds = request.headers['if-range'] === undefined || request.headers['if-range'] === `"${CID}"`
  const range = parseRange(holds ? request.headers.range : undefined, Bytes)
  void reply.headers({ 'accept-ranges': 'bytes' })
  if (range.kind === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${Bytes}`)
    throw new BacalhauError('RangeNotSatisfiable', `the file has ${Bytes} bytes`)
  }
  const part = range.kind === 'part'
  const [offset, length] = part ? [range.start, range.end - range.start + 1] : [0, Bytes]
  if (part) void reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${Bytes}`)
  const name = path.split('/').slice(1).at(-1) ?? ''
  void reply.headers({ 'content-type': mediaTypeOf(name), 'content-length': length })
  if (request.method === 'HEAD' || length === 0) return reply.send()
  return reply.send(await streamBody(api.content.read(path, { offset, length, signal }), reply))
}
