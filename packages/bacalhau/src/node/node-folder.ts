import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError, messageOf } from '../runtime/error.ts'

/**
 * Where a node keeps what it knows, below the data folder that it shares with the keys. Named after the swarm port, as its
 * key file is, so that two nodes of one user on one machine do not touch each other's files.
 */
export interface NodeFolder {
  readonly root: string
  readonly store: string
  readonly content: string
  readonly executions: string
  readonly inputs: string
  /** Results that the node serves itself. */
  readonly archives: string
  /** Results that are going to be uploaded. */
  readonly uploads: string
}

/** The folder of the node on `port` below `dataDir`, which may not be there yet. */
export function nodeFolder(dataDir: string, port: number): NodeFolder {
  const root = path.join(dataDir, `node.${port}`)
  return {
    root,
    store: path.join(root, 'store.db'),
    content: path.join(root, 'content'),
    executions: path.join(root, 'executions'),
    inputs: path.join(root, 'inputs'),
    archives: path.join(root, 'archives'),
    uploads: path.join(root, 'uploads'),
  }
}

/** Makes the folder of the node on `port` below `dataDir`. Throws `DataDirUnusable` that names it. */
export async function openNodeFolder(dataDir: string, port: number): Promise<NodeFolder> {
  const folder = nodeFolder(dataDir, port)
  try {
    await mkdir(folder.root, { recursive: true, mode: 0o700 })
    return folder
  } catch (error) {
    throw new BacalhauError('DataDirUnusable', `${folder.root} cannot be made: ${messageOf(error)}`, { cause: error })
  }
}
