import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { formatContentRef, parseContentRef } from '../../content/cid.ts'
import type { ContentRef, Stat } from '../../content/content.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { listEntries } from '../data/entries.ts'
import { callerSignal } from '../http/caller.ts'
import { queryNumber, queryWord } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
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
  readonly ref: ContentRef
  readonly signal: AbortSignal
  readonly api: Api
}

const route = {
  method: 'GET',
  path: '/ipfs/*',
  needs: 'read:data',
  tag: 'data',
  summary: 'Content by its CID, and by a path below one',
  // `skip`: how many of the first blocks of a CAR the caller has already; it is how a download goes on.
  query: z.object({ format: queryWord(FORMATS), skip: queryNumber() }),
  answerType: '*/*',
  // Content may have to be found in the swarm first.
  patience: 4 * LIMITS.contentLookup,
} as const

/** Content by its CID, from here or from the swarm. For HEAD the content itself is not read. */
export function gatewayRoutes(app: FastifyInstance, api: Api): void {
  addRoute(app, route, async (request, reply, query) => {
    const ref = parseContentRef(pathParameter(request, '*'))
    const format = query.format ?? acceptedFormat(request)
    const visit = { request, reply, ref, signal: callerSignal(reply, api.stopping), api }
    // What a job made must not act as part of this site, whatever it is.
    void reply.header('content-security-policy', "default-src 'none'; sandbox")
    const stat = await api.content.stat(ref, visit)
    const { skip = 0 } = query
    if (isKnown(visit, etagOf(stat, format, request, skip))) return reply.code(304).send()
    if (format !== undefined) return serveFormat(visit, stat, format, skip)
    return stat.kind === 'folder' ? serveFolder(visit) : serveFile(visit, stat)
  })
}

function acceptedFormat(request: FastifyRequest): Format | undefined {
  const accepted = request.headers.accept ?? ''
  return FORMATS.find((format) => format !== 'tar' && accepted.includes(FORMAT_TYPES[format]))
}

const wantsHtml = (request: FastifyRequest) => (request.headers.accept ?? '').includes('text/html')

function etagOf({ cid, kind }: Stat, format: Format | undefined, request: FastifyRequest, skip: number): string {
  const form = format ?? (kind === 'folder' ? (wantsHtml(request) ? 'html' : 'json') : undefined)
  const rest = format === 'car' && skip > 0 ? `.${skip}` : ''
  return form === undefined ? `"${cid.toString()}"` : `"${cid.toString()}.${form}${rest}"`
}

/** Sets the headers that say for how long the answer holds (for ever), and tells whether the caller has it already. */
function isKnown({ request, reply }: Visit, etag: string): boolean {
  void reply.headers({ etag, vary: 'accept', 'cache-control': 'private, max-age=31536000, immutable' })
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known !== undefined && (known.includes(etag) || known.includes('*'))
}

async function serveFormat({ request, reply, ref, signal, api }: Visit, { cid }: Stat, format: Format, skip: number) {
  const file = `${cid.toString()}.${format === 'raw' ? 'bin' : format}`
  void reply.headers({
    'content-type': FORMAT_TYPES[format],
    'content-disposition': `attachment; filename="${file}"`,
  })
  if (request.method === 'HEAD') return reply.send()
  if (format === 'raw') return api.content.block(ref, { signal })
  const source = format === 'car' ? api.content.car(ref, { signal, skip }) : tarOf(api.content, cid, signal)
  return reply.send(await streamBody(source))
}

async function serveFolder({ request, reply, ref, signal, api }: Visit) {
  const Items = await listEntries(api.content, ref, { signal })
  if (!wantsHtml(request)) return { NextToken: '', Items }
  return reply.type('text/html; charset=utf-8').send(Buffer.from(renderListing(ref, Items)))
}

async function serveFile({ request, reply, ref, signal, api }: Visit, { cid, kind, bytes }: Stat) {
  if (kind !== 'file') throw new BacalhauError('BadRequest', `${formatContentRef(ref)} is a symbolic link`)
  const condition = request.headers['if-range']
  const applies = condition === undefined || condition === `"${cid.toString()}"`
  const range = parseRange(applies ? request.headers.range : undefined, bytes)
  void reply.header('accept-ranges', 'bytes')
  if (range.kind === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${bytes}`)
    throw new BacalhauError('RangeNotSatisfiable', `the file has ${bytes} bytes`)
  }
  const part = range.kind === 'part'
  const [offset, length] = part ? [range.start, range.end - range.start + 1] : [0, bytes]
  if (part) void reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${bytes}`)
  void reply.headers({ 'content-type': mediaTypeOf(ref.path.at(-1) ?? ''), 'content-length': length })
  if (request.method === 'HEAD' || length === 0) return reply.send()
  return reply.send(await streamBody(api.content.cat(ref, { offset, length, signal })))
}
