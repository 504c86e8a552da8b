// Network namespaces of Linux: machines with networks of their own, within this one.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'

export interface Namespaces {
  /** Makes one with nothing in it but loopback. Gives its name. */
  readonly add: (suffix: string) => string
  /** Takes away all that were made. */
  readonly remove: () => void
}

/** Runs a command that must succeed. */
export const must = (...[command = '', ...words]: string[]) => void execFileSync(command, words, { stdio: 'pipe' })

/** A name carries the number of the process that it is of. */
const nameOf = (suffix: string) => `bh${process.pid}${suffix}`

/** Why no namespaces can be made here in which `probe`, a command, succeeds; undefined if they can. */
export function whyNoNamespaces(...probe: string[]): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a matter of Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  sweep()
  const name = nameOf('probe')
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  const tried = made.status === 0 ? spawnSync('ip', ['netns', 'exec', name, ...probe], { encoding: 'utf8' }) : made
  spawnSync('ip', ['netns', 'del', name])
  if (tried.status === 0) return undefined
  const problem = tried.error === undefined ? tried.stderr.trim() : tried.error.message
  return `network namespaces are not to be had here (Debian: iproute2, iptables): ${problem}`
}

/** What a process has made is removed when it ends. */
export function createNamespaces(): Namespaces {
  const names: string[] = []
  const remove = () => {
    for (const name of names.splice(0)) spawnSync('ip', ['netns', 'del', name])
  }
  process.once('exit', remove)
  return {
    add(suffix) {
      const name = nameOf(suffix)
      must('ip', 'netns', 'add', name)
      names.push(name)
      must('ip', '-n', name, 'link', 'set', 'lo', 'up')
      return name
    },
    remove,
  }
}

/** Takes away those of processes that were killed. */
function sweep(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  for (const [name, pid] of (stdout ?? '').matchAll(/^bh(\d+)\S*/gm)) {
    if (!existsSync(`/proc/${pid}`)) spawnSync('ip', ['netns', 'del', name])
  }
}
