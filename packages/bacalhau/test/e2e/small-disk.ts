import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Why this machine has no small disks for tests; undefined when it has. */
export function whyNoSmallDisk(): string | undefined {
  const mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmpdir()]
  const { status } = spawnSync('unshare', ['--mount', ...mount], { stdio: 'ignore' })
  return status === 0 ? undefined : 'mounting a small disk needs root on Linux'
}

/** A disk of a few megabytes, which only those see who are started `through` its namespace. */
export interface SmallDisk {
  /** Where it lies, for those who see it. */
  readonly folder: string
  readonly through: readonly string[]
  /** Nothing can be written any more. */
  fill(): Promise<void>
  free(): Promise<void>
  end(): Promise<void>
}

export async function createSmallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-disk-'))
  const script = 'mount -t tmpfs -o size="$2"m tmpfs "$1" && echo ready && exec sleep infinity'
  const keeper = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', folder, String(megabytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(keeper.stdout, 'data')
  const filler = `/proc/${keeper.pid}/root${folder}/filler`
  return {
    folder,
    through: ['nsenter', `--target=${keeper.pid}`, '--mount', '--'],
    fill: () => writeUntilFull(filler),
    free: () => rm(filler),
    async end() {
      keeper.kill('SIGKILL')
      await once(keeper, 'close')
      await rm(folder, { recursive: true })
    },
  }
}

/** Ever smaller pieces, so that not a page is left. */
async function writeUntilFull(file: string): Promise<void> {
  const handle = await open(file, 'a')
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
      while (await append(handle, Buffer.alloc(size)));
    }
  } finally {
    await handle.close()
  }
}

async function append(handle: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<boolean> {
  try {
    return (await handle.write(bytes)).bytesWritten === bytes.length
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}
