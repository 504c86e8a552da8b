import { lstat, mkdir, open, readdir, readlink, rename } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError, systemCode } from '../../runtime/error.ts'

interface Move {
  readonly from: string
  readonly to: string
}

/**
 * Moves `from`, a file or folder, to `to`, which may exist: folders are merged, and files that are there already with the
 * same content are left alone. Throws `Conflict`, having changed nothing, if any other file would be overwritten.
 */
export async function mergeInto(from: string, to: string): Promise<void> {
  const moves: Move[] = []
  const conflicts: string[] = []
  await plan(from, to, moves, conflicts)
  const [first] = conflicts
  if (first !== undefined) {
    const others = conflicts.length > 1 ? ` (and ${conflicts.length - 1} more)` : ''
    throw new BacalhauError('Conflict', `${first} exists already and is different${others}`, {
      hint: 'Nothing was changed. Choose another folder, or move that file away.',
    })
  }
  await mkdir(path.dirname(to), { recursive: true })
  for (const move of moves) await rename(move.from, move.to)
}

async function plan(from: string, to: string, moves: Move[], conflicts: string[]): Promise<void> {
  const [source, target] = [await lstat(from), await lstat(to).catch(ignoreMissing)]
  if (target === undefined) moves.push({ from, to })
  else if (source.isDirectory() && target.isDirectory()) {
    for (const name of await readdir(from)) await plan(path.join(from, name), path.join(to, name), moves, conflicts)
  } else if (source.isSymbolicLink() && target.isSymbolicLink()) {
    if ((await readlink(from)) !== (await readlink(to))) conflicts.push(to)
  } else if (!source.isFile() || !target.isFile() || source.size !== target.size || !(await sameBytes(from, to))) {
    conflicts.push(to)
  }
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === 'ENOENT') return undefined
  throw error
}

/** Compares two files of the same size, a piece at a time. */
async function sameBytes(one: string, other: string): Promise<boolean> {
  const handles = [await open(one), await open(other)] as const
  try {
    const [left, right] = [Buffer.alloc(65_536), Buffer.alloc(65_536)]
    for (let position = 0; ; position += left.length) {
      const [a, b] = [await handles[0].read(left, { position }), await handles[1].read(right, { position })]
      if (!left.subarray(0, a.bytesRead).equals(right.subarray(0, b.bytesRead))) return false
      if (a.bytesRead < left.length) return true
    }
  } finally {
    for (const handle of handles) await handle.close()
  }
}
