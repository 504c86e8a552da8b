import { execFileSync, spawnSync } from 'node:child_process'
import process from 'node:process'

/** A machine in a network of its own, with one cable to the other one. */
export interface LanMachine {
  readonly address: string
  /** Put before a command to run it there. */
  readonly through: readonly string[]
}

const prefix = `bl${process.pid}`
const name = (suffix: string) => `${prefix}${suffix}`
const ip = (...words: string[]) => void execFileSync('ip', words, { stdio: 'pipe' })

/** Why no such network can be made here; undefined if it can. */
export function whyNoLan(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a matter of Linux'
  const tried = spawnSync('ip', ['netns', 'add', name('probe')])
  spawnSync('ip', ['netns', 'del', name('probe')])
  if (tried.error === undefined && tried.status === 0) return undefined
  return `network namespaces are not to be had here: ${String(tried.stderr).trim() || tried.error?.message}`
}

/** Two machines and the cable between them: a local network that carries multicast, and that nothing leads out of. */
export function layCable(): { readonly machines: readonly [LanMachine, LanMachine]; remove(): void } {
  const ends = [name('a'), name('b')] as const
  const remove = () => {
    for (const end of ends) spawnSync('ip', ['netns', 'del', end])
  }
  process.once('exit', remove)
  for (const end of ends) ip('netns', 'add', end)
  ip('-n', ends[0], 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'lan', 'netns', ends[1])
  const machine = (index: 0 | 1): LanMachine => {
    const address = `192.168.77.${index + 1}`
    ip('-n', ends[index], 'link', 'set', 'lo', 'up')
    ip('-n', ends[index], 'addr', 'add', `${address}/24`, 'dev', 'lan')
    ip('-n', ends[index], 'link', 'set', 'lan', 'up')
    // Multicast leaves by the default route, as on every machine that has one.
    ip('-n', ends[index], 'route', 'add', 'default', 'dev', 'lan')
    return { address, through: ['ip', 'netns', 'exec', ends[index]] }
  }
  return { machines: [machine(0), machine(1)], remove }
}
