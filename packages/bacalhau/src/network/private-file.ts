import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'

/** What file systems without hard links answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/** No key file is larger; a larger file is something else, and is not read. */
const MOST_BYTES = 64 * 1024

export interface PrivateFile {
  readonly content: Uint8Array
  /** What the owner should know, for example that others can read the file. */
  readonly warnings: readonly string[]
}

/** Reads the key file at `file`; undefined if there is none. Throws `KeyFileInvalid` if it cannot be one. */
export async function readPrivateFile(file: string): Promise<PrivateFile | undefined> {
  try {
    const stat = await fs.stat(file)
    // Looked at before it is opened, because opening a named pipe waits for a writer.
    if (!stat.isFile()) throw unreadable(file, stat.isDirectory() ? 'is a folder' : 'is not a regular file')
    if (stat.size > MOST_BYTES) throw unreadable(file, `has ${stat.size} bytes, too many for a key`)
    return { content: await fs.readFile(file), warnings: exposure(file, stat.mode) }
  } catch (error) {
    if (isBacalhauError(error)) throw error
    // ENOTDIR: what should be the data folder is a file; whoever tries to create the key there will say so.
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(file, `cannot be read: ${messageOf(error)}`)
  }
}

function unreadable(file: string, found: string): BacalhauError {
  return new BacalhauError('KeyFileInvalid', `The key file ${file} ${found}.`)
}

function exposure(file: string, mode: number): string[] {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return []
  return [`Other users of this machine can reach the key file ${file}. Close it: chmod 600 ${file}`]
}

/**
 * Creates `file` with `content`, for its owner only, unless it exists: then it stays as it is and the answer is false. Other
 * processes see all of it or nothing, and of several that create it at once one wins.
 */
export async function createPrivateFile(
  file: string,
  content: string | Uint8Array,
  link: typeof fs.link = fs.link,
): Promise<boolean> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}`)
  try {
    await fs.writeFile(temporary, content, { mode: 0o600, flag: 'wx', flush: true })
    // A link never replaces what is there, as a rename would. Some network and FAT file systems have no links.
    await link(temporary, file).catch((error) => {
      if (!NO_LINKS.includes(systemCode(error) ?? '')) throw error
      return fs.copyFile(temporary, file, constants.COPYFILE_EXCL)
    })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw new BacalhauError('DataDirUnusable', `Cannot write ${file}: ${messageOf(error)}.`, { cause: error })
  } finally {
    await fs.rm(temporary, { force: true }).catch(() => {})
  }
}
