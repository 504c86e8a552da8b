import { STATUS_CODES } from 'node:http'
import type { z } from 'zod'
import { apiErrorSchema } from '@bacalhau/models'
import type { Route } from '../http/route.ts'
import { type Detail, DETAILS } from './details.ts'
import { type Json, Schemas } from './schemas.ts'

const TAGS: Readonly<Record<Route['tag'], string>> = {
  jobs: 'Submit, follow, stop and look at jobs',
  events: 'Hear of changes as they happen',
  data: 'Content by its CID: inputs and results',
  nodes: 'Nodes of the network, and who may work',
  agent: 'This very node',
  auth: 'Who may do what',
  operations: 'Whether all is well, and how much is going on',
  legacy: 'Paths of earlier releases',
}

/** The routes of a server as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1). */
export function openApiOf(routes: readonly Route[], version: string): Json {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, Json>> = {}
  const visible = routes.filter(({ hidden }) => hidden !== true)
  const error = schemas.of(apiErrorSchema, 'output')
  for (const route of visible) {
    const path = pathOf(route)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) }
  }
  const used = new Set(visible.map(({ tag }) => tag))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Bacalhau',
      version,
      description: 'The REST API of a node. Errors have the same form everywhere: a code, a message, and what to do.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as Route['tag']))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.components,
      responses: { Error: { description: 'What went wrong', content: { 'application/json': { schema: error } } } },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token, or what a login gave.' },
        user: { type: 'http', scheme: 'basic' },
      },
    },
  }
}

export const keyOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`

const pathOf = ({ path }: Route): string => path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')

function operation(route: Route, schemas: Schemas): Json {
  const detail = DETAILS[keyOf(route)] ?? {}
  const body = requestBody(route, detail, schemas)
  const needs = route.needs === 'public' ? 'Anyone may ask this.' : `Needs \`${route.needs}\`.`
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    description: detail.description === undefined ? needs : `${detail.description} ${needs}`,
    ...parameters(route, detail, schemas),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: responses(route, detail, schemas),
    // Callers on the machine itself need no credentials.
    security: route.needs === 'public' ? [] : [{}, { token: [] }, { user: [] }],
  }
}

function operationId({ method, path }: Route): string {
  const words = path.replace(/^\/api\/v1\//, '').match(/[A-Za-z\d]+/g) ?? ['root']
  return [method.toLowerCase(), ...words.map((word) => (word[0] ?? '').toUpperCase() + word.slice(1))].join('')
}

function parameters(route: Route, { headers, path = {}, required = {} }: Detail, schemas: Schemas): Json {
  const ofPath = [...pathOf(route).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...described(path[name], schemas, { type: 'string', minLength: 1 }),
  }))
  const ofQuery = fields(route.query, 'query', schemas).map((field) => {
    const schema = required[String(field['name'])]
    return schema === undefined ? field : { ...field, required: true, ...described(schema, schemas, {}) }
  })
  const found = [...ofPath, ...ofQuery, ...fields(headers, 'header', schemas)]
  return found.length === 0 ? {} : { parameters: found }
}

/** The fields of an object as parameters. */
function fields(schema: z.ZodObject | undefined, place: 'query' | 'header', schemas: Schemas): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
    name,
    in: place,
    ...described(field as z.ZodType, schemas, {}),
  }))
}

/** A schema with its description beside it, where parameters have theirs. */
function described(schema: z.ZodType | undefined, schemas: Schemas, otherwise: Json): Json {
  const { description, ...shape } = schema === undefined ? otherwise : schemas.of(schema, 'input')
  return { ...(description === undefined ? {} : { description }), schema: shape }
}

function requestBody(route: Route, detail: Detail, schemas: Schemas): Json | undefined {
  const { bodyType } = route
  if (bodyType !== undefined) return { content: { [bodyType]: {} } }
  const schema = detail.body ?? route.body
  if (schema === undefined) return undefined
  // Those that change a thing can do without: what they mean is in the path.
  const required = route.method !== 'DELETE' && !route.path.endsWith('/rerun')
  return { required, content: { 'application/json': { schema: schemas.of(schema, 'input') } } }
}

function responses(route: Route, detail: Detail, schemas: Schemas): Json {
  const answer = route.answer ?? detail.answer
  const content =
    route.answerType !== undefined
      ? { [route.answerType]: {} }
      : answer && { 'application/json': { schema: schemas.of(answer, 'output') } }
  const success = detail.socket === true ? 101 : 200
  const described = STATUS_CODES[success] ?? ''
  const error = { $ref: '#/components/responses/Error' }
  return {
    [success]: { description: described, ...(content === undefined ? {} : { content }) },
    ...Object.fromEntries(errorsOf(route, detail).map((status) => [status, error])),
    ...(detail.unready === undefined
      ? {}
      : {
          503: {
            description: STATUS_CODES[503] ?? '',
            content: { 'application/json': { schema: schemas.of(detail.unready, 'output') } },
          },
        }),
    default: error,
  }
}

/** Statuses of errors that follow from what an operation takes and needs. */
function errorsOf({ needs, path, query, body, bodyType, tag, method }: Route, detail: Detail): number[] {
  const hasBody = body !== undefined || bodyType !== undefined
  const found = new Set(detail.errors)
  if (hasBody || query !== undefined) found.add(400)
  if (needs !== 'public') for (const status of [401, 403]) found.add(status)
  if (/[:*]/.test(path)) found.add(404)
  if (hasBody) found.add(413)
  if (body !== undefined || detail.body !== undefined) found.add(415)
  // A node that only computes.
  if (['jobs', 'events', 'nodes'].includes(tag)) found.add(501)
  if (method !== 'GET') found.add(503)
  for (const status of [429, 500]) found.add(status)
  return [...found].sort((a, b) => a - b)
}
