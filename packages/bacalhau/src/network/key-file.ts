import fs from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../runtime/error.ts'
import { ensureDataFolder } from './data-folder.ts'
import { generateNodeKey, type NodeKey, parseNodeKey } from './identity.ts'
import { decodeKeyText, encodeKeyText } from './key-text.ts'
import { createPrivateFile, readPrivateFile } from './private-file.ts'

export interface LoadedNodeKey extends NodeKey {
  readonly file: string
  /** Where the key comes from: the file, a file of the Go program of the v1.2 line, or it was made just now. */
  readonly source: 'file' | 'go' | 'new'
  readonly warnings: readonly string[]
}

/** The name that the Go program of the v1.2 line gives its key, whatever the port. */
const GO_KEY = 'libp2p_private_key'

/**
 * The key of the node that uses `folder` and the swarm port `port`, from `private_key.<port>`; made and saved there if
 * missing. No file is ever overwritten, and processes that start at once get the same key. Throws `KeyFileInvalid` for a
 * file that holds no usable key and `DataDirUnusable` when the file cannot be created.
 */
export async function loadNodeKey(folder: string, port: number): Promise<LoadedNodeKey> {
  const file = path.join(folder, `private_key.${port}`)
  const present = await readKeyFile(file)
  if (present !== undefined) return { ...present, source: 'file' }
  await ensureDataFolder(folder)
  const inherited = await goKey(folder)
  const content = inherited?.content ?? encodeKeyText((await generateNodeKey()).bytes)
  const created = await createPrivateFile(file, content)
  const saved = await readKeyFile(file)
  if (saved === undefined) throw new BacalhauError('DataDirUnusable', `The key file ${file} disappeared.`)
  if (!created) return { ...saved, source: 'file' }
  return { ...saved, source: inherited === undefined ? 'new' : 'go' }
}

async function readKeyFile(file: string) {
  const read = await readPrivateFile(file)
  if (read === undefined) return undefined
  const origin = `The key file ${file}`
  return { ...parseNodeKey(decodeKeyText(read.content, origin), origin), ...read, file }
}

/** The key of the Go program, unless a node on another port has it already: two nodes cannot share one identity. */
async function goKey(folder: string): Promise<{ content: Uint8Array } | undefined> {
  const key = await readKeyFile(path.join(folder, GO_KEY))
  if (key === undefined) return undefined
  for (const name of await fs.readdir(folder)) {
    if (!/^private_key\.\d+$/.test(name)) continue
    const other = await readPrivateFile(path.join(folder, name))
    if (other !== undefined && Buffer.compare(other.content, key.content) === 0) return undefined
  }
  return key
}
