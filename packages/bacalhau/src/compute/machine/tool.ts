import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { LIMITS } from '../../runtime/limits.ts'

/** What a program on the PATH prints; undefined where there is no such program. Rejects when it fails or takes too long. */
export type Tool = (name: string, words: readonly string[]) => Promise<string | undefined>

const execute = promisify(execFile)
const MAX_OUTPUT = 1024 ** 2

/** Runs programs of `searchPath` with nothing in their environment but that. */
export function createTool(searchPath: string | undefined): Tool {
  const folders = (searchPath ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder))
  const env = { PATH: folders.join(path.delimiter), LC_ALL: 'C' }

  async function find(name: string): Promise<string | undefined> {
    for (const folder of folders) {
      const file = path.join(folder, name)
      const usable = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (usable) return file
    }
    return undefined
  }

  return async (name, words) => {
    const file = await find(name)
    if (file === undefined) return undefined
    const limits = { timeout: LIMITS.gpuTool, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT } as const
    return (await execute(file, [...words], { ...limits, env })).stdout
  }
}
