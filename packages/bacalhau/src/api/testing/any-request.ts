import fc from 'fast-check'
import { wasmJob } from './api.ts'
import type { Route } from '../http/route.ts'

/** A request as a careless or hostile client would send it. */
export interface AnyRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const word = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('', '0', '1', '-1', 'true', 'False', 'default', '*', 'created_at', 'a=b', '10'),
  },
  fc.string({ maxLength: 20 }),
  fc.constantFrom('\u0000', '../..', '%', 'ä🙂', '9'.repeat(40), 'x'.repeat(5_000), '__proto__', '1e9', '{}', '"'),
)

/** Documents that are a job, nearly one, or nothing of the kind. */
const document = fc.oneof(
  fc.constantFrom<unknown>({ Job: wasmJob }, wasmJob, { Job: { ...wasmJob, Count: -1 } }, { Job: null }, {}, [], null),
  fc.constantFrom<unknown>(
    { Action: 'approve' },
    { reason: 'x' },
    { JobVersion: 1e9 },
    { id: 'hello' },
    { job_id: 'hello' },
  ),
  fc.record({ Job: fc.record({ Type: word, Tasks: fc.array(fc.object({ maxDepth: 2 }), { maxLength: 2 }) }) }),
  fc.jsonValue(),
)
const body = fc.oneof(
  { weight: 4, arbitrary: document.map((value) => JSON.stringify(value)) },
  fc.constantFrom('', '{', '{"Job":', '\uFEFF{}', '['.repeat(500), '{"a":1}{"b":2}'),
  fc.string(),
)

const headers = fc.record(
  {
    'content-type': fc.constantFrom(
      'application/json',
      'application/json; charset=utf-8',
      'text/plain',
      'application/x-tar',
      'x',
    ),
    accept: fc.constantFrom('*/*', 'text/html', 'application/vnd.ipld.car'),
    'x-request-id': fc.constantFrom('r-1', ' ', 'x'.repeat(200)),
    'idempotency-key': fc.constantFrom('k', '', 'x'.repeat(300)),
    'last-event-id': fc.constantFrom('1', 'x'),
    range: fc.constantFrom('bytes=0-1', 'bytes=-', 'x'),
    authorization: fc.constantFrom('Bearer x', 'Basic !!', 'x'),
  },
  { requiredKeys: [] },
)

/** Names that are in the place of a parameter of the path. */
const name = fc.oneof(
  fc.constantFrom('hello', 'j-00000001', 'j-', 'QmX', 'gone', '%zz', '%00', '%2e%2e'),
  word.map(encodeURIComponent),
)

/** Requests for `route`, mostly by its method. */
export function anyRequest(route: Route): fc.Arbitrary<AnyRequest> {
  const known = [...Object.keys(route.query?.shape ?? {}), 'pretty', 'other']
  const query = fc.array(fc.tuple(fc.constantFrom(...known), word), { maxLength: 4 })
  const method = fc.oneof(
    { weight: 8, arbitrary: fc.constant<string>(route.method) },
    fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'),
  )
  return fc
    .record({ method, names: fc.array(name, { minLength: 2, maxLength: 2 }), query, headers, body })
    .map((parts) => {
      const rest = [...parts.names]
      const path = route.path.replaceAll(/:\w+|\*/g, () => rest.pop() ?? 'x')
      const search = parts.query.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
      const bare = parts.method === 'GET' || parts.method === 'HEAD'
      return {
        method: parts.method,
        path: search === '' ? path : `${path}?${search}`,
        headers: parts.headers,
        body: bare ? undefined : parts.body,
      }
    })
}
