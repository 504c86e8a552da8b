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

export interface LoadedSpec {
  readonly spec: JobSpec
  /** What was set aside, one sentence each. */
  readonly warnings: readonly string[]
  /** Folder that paths in the spec start from. */
  readonly folder: string
}

/** The job that a file describes, or standard input if `where` is `-`. Throws `ValidationError` that names line and field. */
export async function readSpec(where: string, io: Io): Promise<LoadedSpec> {
  const standardInput = where === '-'
  if (standardInput && io.inputIsTerminal) await io.err.write('Reading the spec from the keyboard; Ctrl-D ends it.\n')
  const file = path.resolve(io.cwd, where)
  const source = standardInput ? await collect(io.input, 'standard input') : await readFile(file, where)
  const { spec, warnings } = parseSpec(source, standardInput ? 'standard input' : where)
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
  if (document === undefined || document.contents === null) {
    throw new BacalhauError('ValidationError', `${where} is empty`, { hint: 'See examples/ for job specs.' })
  }
  const [error] = document.errors
  if (error !== undefined) {
    throw new BacalhauError('ValidationError', `${where} line ${lines.linePos(error.pos[0]).line}: ${error.message}`, {
      hint: 'The spec must be YAML or JSON.',
    })
  }
  if (second !== undefined)
    throw new BacalhauError('ValidationError', `${where} holds more than one job; submit one at a time`)
  const value: unknown = toValue(document, where)
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

function describe(problems: readonly Problem[], document: Document, lines: LineCounter): string {
  const many = lines.lineStarts.length > 2
  const located = problems.map(({ path, message }) => {
    const line = many ? lineOf(path, document, lines) : undefined
    return { path: line === undefined ? path : `line ${line}: ${path}`.replace(/: $/, ''), message }
  })
  return describeProblems(located)
}

/** Line of the innermost node that a path such as `Tasks[0].Engine` leads to; keys match whatever their case. */
function lineOf(path: string, { contents }: Document, lines: LineCounter): number | undefined {
  let node: unknown = contents
  let found: Node | undefined
  for (const step of path.match(/[^.[\]]+/g) ?? []) {
    if (isSeq(node)) node = node.items[Number(step)]
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value).toLowerCase() === step.toLowerCase())
      if (pair !== undefined && isNode(pair.key)) found = pair.key
      node = pair?.value
    } else break
    if (isNode(node) && !isScalar(node) && found === undefined) found = node
  }
  return found?.range === undefined || found.range === null ? undefined : lines.linePos(found.range[0]).line
}
