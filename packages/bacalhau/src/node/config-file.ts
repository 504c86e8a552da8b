import { readFile, stat } from 'node:fs/promises'
import type * as Yaml from 'yaml'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { SETTING_NAMES, type SettingName, SETTINGS } from './config-settings.ts'

/** A configuration file is written by hand; one that is larger than this is something else. In bytes. */
const MAX_SIZE = 1_048_576

export interface FileEntry {
  readonly value: unknown
  /** Line in the file, the first being 1. */
  readonly line: number
}

type Entries = Map<SettingName, FileEntry>
type Fail = (offset: number, message: string, hint?: string) => BacalhauError

const BY_KEY = new Map(SETTING_NAMES.map((name) => [SETTINGS[name].key.toLowerCase(), name]))

/** The settings in a YAML file, keys in any letter case, nested or with dots. A file that is not there sets nothing. */
export async function readConfigFile(file: string): Promise<Entries> {
  const source = await readSource(file)
  if (source === undefined) return new Map()
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
  const entries: Entries = new Map()
  if (document.contents !== null) {
    await collect(
      { yaml, document, fail, lineOf: (offset) => lines.linePos(offset).line, entries },
      document.contents,
      '',
    )
  }
  return entries
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
  readonly lineOf: (offset: number) => number
  readonly entries: Entries
}

async function collect(walk: Walk, node: unknown, prefix: string): Promise<void> {
  const { yaml, document, fail, lineOf, entries } = walk
  if (!yaml.isMap(node)) {
    const offset = yaml.isNode(node) ? (node.range?.[0] ?? 0) : 0
    throw fail(offset, prefix === '' ? 'must hold keys and values' : `${prefix} must hold further keys`)
  }
  for (const { key, value } of node.items) {
    const offset = yaml.isNode(key) ? (key.range?.[0] ?? 0) : 0
    const path = `${prefix === '' ? '' : `${prefix}.`}${yaml.isScalar(key) ? String(key.value) : '?'}`
    const name = BY_KEY.get(path.toLowerCase())
    if (name === 'dataDir') throw fail(offset, 'DataDir cannot be set in the file, which lies in it', 'Use --data-dir.')
    if (name !== undefined) {
      const plain: unknown = yaml.isNode(value) ? value.toJS(document) : value
      if (plain !== null) entries.set(name, { value: plain, line: lineOf(offset) })
    } else if (isGroup(path)) {
      if (!yaml.isScalar(value) || value.value !== null) await collect(walk, value, path)
    } else throw await unknownKey(fail, offset, path)
  }
}

const isGroup = (path: string) => [...BY_KEY.keys()].some((key) => key.startsWith(`${path.toLowerCase()}.`))

async function unknownKey(fail: Fail, offset: number, path: string): Promise<BacalhauError> {
  const { nearest } = await import('@bacalhau/models/nearest')
  const keys = SETTING_NAMES.map((name) => SETTINGS[name].key)
  const guess = nearest(path, [...keys, ...keys.map((key) => key.split('.').slice(0, -1).join('.'))])
  const hint = guess === undefined ? 'Run `bacalhau config list` for the keys.' : `Did you mean ${guess}?`
  return fail(offset, `unknown key ${path}`, hint)
}
