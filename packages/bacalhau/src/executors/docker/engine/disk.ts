import { readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../../runtime/error.ts'

/**
 * The disk, as `/dev/…`, on which a folder lies; undefined where it is none of this machine's own, such as a network's or a disk in
 * memory. Of a partition it is the disk that counts. Linux only: https://docs.kernel.org/admin-guide/abi-stable.html#abi-sys-dev.
 */
export async function diskOf(folder: string, sys = '/sys'): Promise<string | undefined> {
  try {
    const { dev } = await stat(folder)
    const device = await realpath(path.join(sys, 'dev/block', `${major(dev)}:${minor(dev)}`))
    const isPartition = await readFile(path.join(device, 'partition')).then(Boolean, () => false)
    return `/dev/${path.basename(isPartition ? path.dirname(device) : device).replaceAll('!', '/')}`
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

/** As glibc takes them out of a device number of 64 bits. */
const major = (dev: number): number => {
  const bits = BigInt(dev)
  return Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn))
}
const minor = (dev: number): number => {
  const bits = BigInt(dev)
  return Number((bits & 0xffn) | ((bits >> 12n) & ~0xffn & 0xffffffffn))
}
