import type { Json } from '../schemas.ts'
import { type Html, html, prose } from './html.ts'

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {})
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A schema in a word or two, with a link where it has a name. */
export function typeOf(schema: Json): Html {
  const name = /^#\/components\/schemas\/(.+)$/.exec(textOf(schema['$ref']))?.[1]
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`
  const choices = listOf(schema['enum'])
  if (choices.length > 0)
    return joined(
      choices.map((choice) => html`<code>${String(choice)}</code>`),
      ' | ',
    )
  if ('const' in schema) return html`<code>${String(schema['const'])}</code>`
  const kinds = listOf(schema['anyOf'])
    .map(objectOf)
    .filter(({ maxLength }) => maxLength !== 0)
  if (kinds.length > 0) return joined(kinds.map(typeOf), ' or ')
  if (schema['type'] === 'array') return html`list of ${typeOf(objectOf(schema['items']))}`
  const values = schema['additionalProperties']
  if (schema['type'] === 'object' && isObject(values)) return html`map of ${typeOf(values)}`
  return html`${textOf(schema['type']) || 'anything'}`
}

function joined(parts: readonly Html[], between: string): Html {
  return html`${parts.map((part, index) => (index === 0 ? part : html`${between}${part}`))}`
}

function range(schema: Json): string {
  const [least, most] = [schema['minimum'], schema['maximum']].map(numberOf)
  if (least !== undefined && most !== undefined) return `${least} to ${most}`
  const length = numberOf(schema['maxLength'] ?? schema['maxItems'])
  return length === undefined ? '' : `at most ${length}`
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** The fields of an object, those of the objects in it behind a fold. */
export function fieldsOf(schema: Json): Html {
  const kinds = listOf(schema['anyOf'])
    .map(objectOf)
    .filter((kind) => 'properties' in kind || '$ref' in kind)
  if (kinds.length > 0)
    return html`${kinds.map(
      (kind) =>
        html`<p>One of: ${typeOf(kind)}</p>
          ${fieldsOf(kind)}`,
    )}`
  const inner = schema['type'] === 'array' ? objectOf(schema['items']) : schema
  const properties = Object.entries(objectOf(inner['properties']))
  if (properties.length === 0) return html``
  const required = listOf(inner['required'])
  return html`<table>
    ${properties.map(([name, value]) => field(name, objectOf(value), required.includes(name)))}
  </table>`
}

/** That what may be absent may also be null goes without saying. */
function withoutNull(schema: Json): Json {
  const { anyOf, ...about } = schema
  const [kind, none, ...more] = listOf(anyOf).map(objectOf)
  return kind !== undefined && none?.['type'] === 'null' && more.length === 0 ? { ...about, ...kind } : schema
}

function field(name: string, given: Json, required: boolean): Html {
  const schema = required ? given : withoutNull(given)
  const nested = fieldsOf(schema)
  const fold =
    nested.text === ''
      ? nested
      : html`<details>
          <summary>fields</summary>
          ${nested}
        </details>`
  const limits = range(schema)
  return html`<tr>
    <th scope="row"><code>${name}</code>${required ? html`<span class="mark">needed</span>` : html``}</th>
    <td>
      <span class="type">${typeOf(schema)}</span> ${limits === '' ? html`` : html`<small>${limits}</small>`}
      ${prose(textOf(schema['description']))}${fold}
    </td>
  </tr>`
}
