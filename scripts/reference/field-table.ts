import { z } from 'zod'

/** One section of a reference: an object of the document, with its fields. */
export interface Section {
  readonly title: string
  readonly schema: z.ZodType
  /** What stands between the heading and the table. */
  readonly text?: string
  /** The page that describes the object, where it is another one. */
  readonly page?: string
}

/** The parts of a JSON schema that are shown. */
interface Shown {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly items?: Shown
  readonly properties?: Readonly<Record<string, Shown>>
  readonly additionalProperties?: Shown | boolean
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
}

/** A Markdown section for each object of this page; a field whose type is one of the objects links to it. */
export function renderSections(sections: readonly Section[]): string {
  const here = sections.filter(({ page }) => page === undefined)
  return here.map((section) => renderSection(section, sections)).join('\n')
}

function renderSection({ title, schema, text }: Section, sections: readonly Section[]): string {
  const { properties = {}, required = [] } = toShown(schema, sections)
  const rows = Object.entries(properties).map(([name, field]) => {
    const value = required.includes(name) ? 'required' : defaultOf(field)
    return `| \`${name}\` | ${typeOf(field)} | ${value} | ${boundsOf(field)} | ${cell(field.description ?? '')} |`
  })
  const head = '| Field | Type | Default | Bounds | Meaning |\n| --- | --- | --- | --- | --- |'
  return `## ${title}\n\n${text === undefined ? '' : `${text}\n\n`}${head}\n${rows.join('\n')}\n`
}

/** The JSON schema of what is accepted, with a link as the title of each object that has a section. */
function toShown(schema: z.ZodType, sections: readonly Section[]): Shown {
  const links = new Map(sections.map((section) => [section.schema._zod.def, linkTo(section)]))
  return z.toJSONSchema(schema, {
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const { def } = zodSchema._zod
      const link = links.get(def)
      if (link !== undefined) jsonSchema.title = link
      // What a writer has to give: the schema's own notion counts fields with a default.
      if ('shape' in def) jsonSchema.required = requiredOf(def.shape)
    },
  }) as Shown
}

const linkTo = ({ title, page = '' }: Section): string =>
  `[${title}](${page}#${title.toLowerCase().replaceAll(' ', '-')})`

function requiredOf(shape: z.core.$ZodShape): string[] {
  return Object.entries(shape).flatMap(([name, field]) => (z.safeParse(field, undefined).success ? [] : [name]))
}

function typeOf(field: Shown): string {
  if (field.title !== undefined) return field.title
  if (field.enum !== undefined) return field.enum.map((word) => `\`${word}\``).join(', ')
  switch (field.type) {
    case 'array':
      return `list of ${typeOf(field.items ?? {})}`
    case 'object':
      return typeof field.additionalProperties === 'object' && field.additionalProperties.type === 'string'
        ? 'text by name'
        : 'object'
    case 'integer':
      return 'whole number'
    case 'number':
      return 'number'
    case 'boolean':
      return 'true or false'
    default:
      return 'text'
  }
}

/** The defaults of an object stand in its own table. */
function defaultOf({ default: value }: Shown): string {
  if (Array.isArray(value)) return 'empty'
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value !== '')
  return isPlain ? `\`${value}\`` : ''
}

function boundsOf(field: Shown): string {
  if (field.maxLength !== undefined) return `up to ${count(field.maxLength)} characters`
  if (field.maxItems !== undefined) return `up to ${count(field.maxItems)} items`
  if (field.maxProperties !== undefined) return `up to ${count(field.maxProperties)} entries`
  if (field.minimum !== undefined && isShort(field.maximum)) return `${count(field.minimum)} to ${count(field.maximum)}`
  return field.minimum === undefined ? '' : `at least ${count(field.minimum)}`
}

/** Is this a bound that somebody chose, rather than what a number can hold? */
const isShort = (bound: number | undefined): bound is number => bound !== undefined && bound < Number.MAX_SAFE_INTEGER
const count = (value: number) => value.toLocaleString('en-US')

/** Text within one cell of a table. */
export const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
