import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** Resident memory, in megabytes (10⁶ bytes). */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(path.join('/proc', String(pid), 'status'), 'utf8')
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024) / 1e6
}

/** User and system time of all threads; the kernel counts in hundredths of a second. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(path.join('/proc', String(pid), 'stat'), 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export async function openFiles(pid: number): Promise<number> {
  return (await readdir(path.join('/proc', String(pid), 'fd'))).length
}

/** Bytes of the files below a folder. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
