import { type Document, isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { BacalhauError } from '../runtime/error.ts'
import { parseConfigFile } from './config-file.ts'
import { type Setting, type SettingName, SETTINGS } from './config-settings.ts'
import { readConfigValue } from './config-value.ts'

/** A setting and its new value as it was typed; an empty one takes the setting out of the file. */
export interface Change {
  readonly name: SettingName
  readonly text: string
}

/**
 * The text of a configuration file after some changes. Comments, order and spelling of what is there stay. Throws
 * `ConfigurationError` when the file is broken or a value does not fit; then nothing is to be written.
 */
export async function editConfig(source: string, file: string, changes: readonly Change[]): Promise<string> {
  // A file that is wrong already is not made worse.
  await parseConfigFile(source, file)
  const document = parseDocument(source)
  if (!isMap(document.contents)) document.contents = document.createNode({}) as never
  for (const change of changes) edit(document, change)
  const empty = isMap(document.contents) && document.contents.items.length === 0
  return empty ? '' : document.toString({ lineWidth: 0 })
}

function edit(document: Document, { name, text }: Change): void {
  const { key, kind }: Setting<unknown> = SETTINGS[name]
  const at = pathIn(document.contents as YAMLMap, key.split('.'))
  if (text === '') {
    if (document.hasIn(at)) document.deleteIn(at)
    return
  }
  if (kind.read(text) === undefined) {
    throw new BacalhauError('ConfigurationError', `${key} must be ${kind.expects}, not ${JSON.stringify(text)}`)
  }
  const value = readConfigValue(name, text)
  // A plain value goes into the node that is there, whose comment stays.
  document.setIn(at, typeof value === 'object' ? document.createNode(value) : value)
}

/** Where a key is, or is to be, in the spelling of the file: nested, or with dots where the file has it so. */
function pathIn(map: YAMLMap, rest: readonly string[]): string[] {
  for (let length = rest.length; length > 0; length--) {
    const wanted = rest.slice(0, length).join('.').toLowerCase()
    const pair = map.items.find(({ key }) => isScalar(key) && String(key.value).toLowerCase() === wanted)
    if (pair === undefined || !isScalar(pair.key)) continue
    const name = String(pair.key.value)
    if (length === rest.length) return [name]
    if (isMap(pair.value)) return [name, ...pathIn(pair.value, rest.slice(length))]
    // A group without anything in it yet is `API:` and nothing more.
    if (isScalar(pair.value) && pair.value.value === null) {
      map.delete(name)
      return [name, ...rest.slice(length)]
    }
  }
  return [...rest]
}
