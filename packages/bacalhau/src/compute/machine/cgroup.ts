import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** What the control group of a process lets it use; absent where it sets no bound. */
export interface CgroupLimits {
  /** Cores. */
  readonly cpu?: number
  /** Bytes. */
  readonly memory?: number
}

/** Version 1 writes "no bound" as the largest multiple of a page; nothing real comes near. */
const NO_BOUND = 2 ** 60

/**
 * The limits of this process's control group and of those around it, of which the tightest counts: in a container those of the
 * container. Version 2 (one tree) and version 1 (a tree for each kind). https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export async function cgroupLimits(root = '/'): Promise<CgroupLimits> {
  const read = async (...parts: readonly string[]) =>
    (await readFile(path.join(root, ...parts), 'utf8').catch(() => '')).trim()
  const groups = parseMembership(await read('proc/self/cgroup'))
  const cpus: number[] = []
  const memories: number[] = []
  const keep = (kept: number[], value: number | undefined) => {
    if (value !== undefined && value > 0 && value < NO_BOUND) kept.push(value)
  }
  for (const { controllers, group } of groups) {
    for (const folder of ancestors(group)) {
      if (controllers === '') {
        const place = ['sys/fs/cgroup', folder]
        keep(cpus, ratio((await read(...place, 'cpu.max')).split(' ')))
        keep(memories, toNumber(await read(...place, 'memory.max')))
      }
      if (controllers.split(',').includes('cpu')) {
        const place = ['sys/fs/cgroup/cpu', folder]
        const parts = await Promise.all(['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(...place, name)))
        keep(cpus, ratio(parts))
      }
      if (controllers === 'memory') {
        keep(memories, toNumber(await read('sys/fs/cgroup/memory', folder, 'memory.limit_in_bytes')))
      }
    }
  }
  return {
    ...(cpus.length === 0 ? {} : { cpu: Math.min(...cpus) }),
    ...(memories.length === 0 ? {} : { memory: Math.min(...memories) }),
  }
}

interface Membership {
  /** Empty for the one tree of version 2. */
  readonly controllers: string
  readonly group: string
}

/** Lines like `0::/user.slice` and `4:cpu,cpuacct:/docker/…`. */
function parseMembership(text: string): Membership[] {
  return text.split('\n').flatMap((line) => {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    return controllers === undefined || group === undefined ? [] : [{ controllers, group }]
  })
}

/** `/a/b`, `/a` and `/`. What lies above the root of a namespace is not to be seen. */
function ancestors(group: string): string[] {
  const parts = group.split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, less) => `/${parts.slice(0, parts.length - less).join('/')}`)
}

/** `max` and `-1` are no number here. */
const toNumber = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined)

function ratio([quota = '', period = '']: readonly string[]): number | undefined {
  const [time, of] = [toNumber(quota), toNumber(period)]
  return time === undefined || of === undefined || of === 0 ? undefined : time / of
}
