import { createReadStream } from 'node:fs'
import path from 'node:path'
import {
  describeProblems,
  isLegacySpec,
  type JobSpec,
  parseLegacySpec,
  parseSubmission,
  type Problem,
} from '@bacalhau/models'
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { BacalhauError, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Io } from '../io.ts'
import { renderTemplate } from './template/render.ts'
import { type TemplateFlags, templateValues } from './template/values.ts'

export interface LoadedSpec {
  readonly spec: JobSpec
  /** What was set aside, one sentence each. */
  readonly warnings: readonly string[]
  /** Folder that paths in the spec start from. */
  readonly folder: string
}

/**
 * The job that a file describes, or standard input if `where` is `-`. With flags of templates the text is a template first.
 * Throws `ValidationError` that names line and field.
 */
export async function readSpec(where: string, io: Io, flags?: TemplateFlags): Promise<LoadedSpec> {
  const standardInput = where === '-'
  if (standardInput && io.inputIsTerminal) {
    await io.err.write('Reading from /dev/stdin; send Ctrl-d to stop.\n')
  }
  const file = path.resolve(io.cwd, where)
  const source = standardInput ? await collect(io.input, 'standard input') : await readFile(file, where)
  const name = standardInput ? 'standard input' : where
  const values = flags === undefined || flags['no-template'] ? undefined : templateValues(flags, io.env)
  const text = values === undefined ? source : renderTemplate(source, name, values)
  const { spec, warnings } = parseSpec(text, name)
  return { spec, warnings, folder: standardInput ? io.cwd : path.dirname(file) }
}

async function readFile(file: string, where: string): Promise<string> {
  try {
    return await collect(createReadStream(file), where)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') {
      throw new BacalhauError('NotFound', `there is no file ${where}`, {
        hint: 'Name the file of a job spec, or - for standard input.',
      })
    }
    if (code === 'EISDIR') throw new BacalhauError('BadRequest', `${where} is a folder, not the file of a job spec`)
    throw error
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, where: string): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > LIMITS.requestBody) {
      throw new BacalhauError('PayloadTooLarge', `${where} is larger than ${LIMITS.requestBody} bytes`)
    }
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The job in a text of YAML or JSON, in the form of version 1.9 or the older one. */
export function parseSpec(source: string, where: string): Omit<LoadedSpec, 'folder'> {
  const lines = new LineCounter()
  const documents = parseAllDocuments(source, { lineCounter: lines, prettyErrors: false })
  const [document, second] = Array.isArray(documents) ? documents : []
  if (document === undefined) throw empty(where)
  const [error] = document.errors
  if (error !== undefined) {
    throw new BacalhauError('ValidationError', `${where} line ${lines.linePos(error.pos[0]).line}: ${error.message}`, {
      hint: 'The spec must be YAML or JSON.',
    })
  }
  if (second !== undefined)
    throw new BacalhauError('ValidationError', `${where} holds more than one job; submit one at a time`)
  const value = toValue(document, where)
  if (value === null) throw empty(where)
  const parsed = isLegacySpec(value) ? parseLegacySpec(value) : parseSubmission(value)
  if (parsed.ok) return parsed.value
  throw new BacalhauError('ValidationError', `${where} is no valid job:\n${describe(parsed.problems, document, lines)}`)
}

/** Aliases of YAML can make a short text into an endless value; the library refuses those. */
function toValue(document: Document, where: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw new BacalhauError('ValidationError', `${where} cannot be read: ${String(error)}`)
  }
}

const empty = (where: string) =>
  new BacalhauError('ValidationError', `${where} is empty`, { hint: 'See examples/ for job specs.' })

function describe(problems: readonly Problem[], document: Document, lines: LineCounter): string {
  if (lines.lineStarts.length <= 2) return describeProblems(problems)
  const located = problems.map((problem) => ({ ...problem, line: lineOf(problem, document, lines) }))
  const inOrder = located.toSorted((a, b) => a.line - b.line)
  return describeProblems(
    inOrder.map(({ path, message, line }) => ({
      path: path === '' ? `line ${line}` : `line ${line}: ${path}`,
      message,
    })),
  )
}

/** Line of what a problem is about: the innermost key of its path that is there. Keys match whatever their case. */
function lineOf({ path, message }: Problem, { contents }: Document, lines: LineCounter): number {
  const unknown = /^unknown field '([^']+)'/.exec(message)?.[1]
  let [node, found]: [unknown, Node | null] = [contents, contents]
  for (const step of [...(path.match(/[^.[\]]+/g) ?? []), ...(unknown === undefined ? [] : [unknown])]) {
    if (isSeq(node)) {
      node = node.items[Number(step)]
      if (isNode(node)) found = node
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value).toLowerCase() === step.toLowerCase())
      if (isNode(pair?.key)) found = pair.key
      node = pair?.value
    }
  }
  return lines.linePos(found?.range?.[0] ?? 0).line
}
