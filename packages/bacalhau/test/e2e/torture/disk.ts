import { glob, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What SQLite finds wrong in the stores below `folder`, whose nodes have ended. */
export async function damagedStores(folder: string): Promise<string[]> {
  const problems: string[] = []
  let checked = 0
  for await (const file of glob('*/node.*/store.db', { cwd: folder })) {
    const database = new DatabaseSync(path.join(folder, file), { readOnly: true })
    try {
      const rows = database.prepare('PRAGMA integrity_check').all()
      const words = rows.map((row) => String(row['integrity_check']))
      if (words.join() !== 'ok') problems.push(`${file} is damaged: ${words.join('; ')}`)
      checked += 1
    } finally {
      database.close()
    }
  }
  return checked === 0 ? [`no store was found below ${folder}`] : problems
}

/** Processes that still work below `folder`. Linux only: elsewhere it finds none. */
export async function orphans(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids
    .filter((pid, index) => lines[index]?.includes(folder) === true && pid !== String(process.pid))
    .map((pid) => `process ${pid} has not ended`)
}
