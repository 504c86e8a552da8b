import { readFile, stat } from 'node:fs/promises'
import type * as Yaml from 'yaml'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { foreignKeyText, isForeign, isGroup, settingOf, unknownKeyHint } from './config-keys.ts'
import type { SettingName } from './config-settings.ts'

/** A configuration file is written by hand; one that is larger than this is something else. In bytes. */
const MAX_SIZE = 1_048_576

export interface FileEntry {
  readonly value: unknown
  /** Line in the file, the first being 1. */
  readonly line: number
}

/** What a file says. */
export interface FileSettings {
  readonly entries: ReadonlyMap<SettingName, FileEntry>
  /** What was set aside, one sentence each, with its line. */
  readonly warnings: readonly string[]
}

type Fail = (offset: number, message: string, hint?: string) => BacalhauError

/** The settings in a YAML file, keys in any letter case, nested or with dots. A file that is not there sets nothing. */
export async function readConfigFile(file: string): Promise<FileSettings> {
  const source = await readSource(file)
  return source === undefined ? { entries: new Map(), warnings: [] } : parseConfigFile(source, file)
}

/** The settings in the text of a file. */
export async function parseConfigFile(source: string, file: string): Promise<FileSettings> {
  // Only here, so that commands without a configuration file do not pay for the parser.
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const fail: Fail = (offset, message, hint) =>
    new BacalhauError(
      'ConfigurationError',
      `${file} line ${lines.linePos(offset).line}: ${message}`,
      hint === undefined ? {} : { hint },
    )
  const document = yaml.parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) throw fail(error.pos[0], error.message)
  const entries = new Map<SettingName, FileEntry>()
  const warnings: string[] = []
  if (document.contents !== null) {
    const lineOf = (offset: number) => lines.linePos(offset).line
    const warn = (offset: number, text: string) => warnings.push(`${file} line ${lineOf(offset)}: ${text}`)
    await collect({ yaml, document, fail, warn, lineOf, entries }, document.contents, '')
  }
  return { entries, warnings }
}

async function readSource(file: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file)
    if (size > MAX_SIZE) throw new BacalhauError('ConfigurationError', `${file} is larger than ${MAX_SIZE} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    if (error instanceof BacalhauError) throw error
    throw new BacalhauError('ConfigurationError', `cannot read ${file}: ${messageOf(error)}`)
  }
}

interface Walk {
  readonly yaml: typeof Yaml
  readonly document: Yaml.Document
  readonly fail: Fail
  readonly warn: (offset: number, text: string) => void
  readonly lineOf: (offset: number) => number
  readonly entries: Map<SettingName, FileEntry>
}

async function collect(walk: Walk, node: unknown, prefix: string): Promise<void> {
  const { yaml, document, fail, warn, lineOf, entries } = walk
  if (!yaml.isMap(node)) {
    const offset = yaml.isNode(node) ? (node.range?.[0] ?? 0) : 0
    throw fail(offset, prefix === '' ? 'must hold keys and values' : `${prefix} must hold further keys`)
  }
  for (const { key, value } of node.items) {
    const offset = yaml.isNode(key) ? (key.range?.[0] ?? 0) : 0
    const path = `${prefix === '' ? '' : `${prefix}.`}${yaml.isScalar(key) ? String(key.value) : '?'}`
    const name = settingOf(path)
    if (name !== undefined) {
      const plain: unknown = yaml.isNode(value) ? value.toJS(document) : value
      if (plain !== null) entries.set(name, { value: plain, line: lineOf(offset) })
    } else if (isGroup(path) && (yaml.isMap(value) || !isForeign(path))) {
      if (!yaml.isScalar(value) || value.value !== null) await collect(walk, value, path)
    } else if (isForeign(path)) warn(offset, foreignKeyText(path))
    else throw fail(offset, `unknown key ${path}`, await unknownKeyHint(path))
  }
}
