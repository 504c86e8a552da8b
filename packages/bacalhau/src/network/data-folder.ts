import { constants } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'

/** The folder of this node: `chosen` (a flag), else the variable `BACALHAU_PATH`, else `.bacalhau` in the home folder. */
export function dataFolder(
  chosen: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return path.resolve(chosen || environment['BACALHAU_PATH'] || path.join(os.homedir(), '.bacalhau'))
}

/** Creates `folder`, for its owner only, if it is missing. Throws `DataDirUnusable` when it is no folder or not writable. */
export async function ensureDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder)
    await fs.access(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new BacalhauError('DataDirUnusable', `The data folder ${folder} cannot be used: ${messageOf(error)}.`, {
      cause: error,
    })
  }
}

/** Node's own recursive `mkdir` never returns where the kernel says ENOENT although the parent is there, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { mode: 0o700 })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && (await fs.stat(folder)).isDirectory()) return
    if (code !== 'ENOENT' || path.dirname(folder) === folder) throw error
    await makeFolder(path.dirname(folder))
    await fs.mkdir(folder, { mode: 0o700 })
  }
}
