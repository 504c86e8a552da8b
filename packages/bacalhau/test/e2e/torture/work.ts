import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Random } from '../../../src/runtime/random.ts'
import { CHECKOUT } from '../../program.ts'
import { RETURNS, TRAPS } from '../../wasm-modules.ts'

/** A job of the load, and what must become of it. */
export interface Work {
  readonly kind: string
  readonly job: object
  readonly count: number
  readonly ends: 'Completed' | 'Failed'
  /** The user stops it as soon as it is acknowledged. */
  readonly stops?: boolean
  /** What each execution prints, where it is published. */
  readonly prints?: string
}

/** Seconds: longer than any torture, so that nothing ends for want of time. */
const PATIENCE = { QueueTimeout: 86_400 }
const RESOURCES = { CPU: '100m', Memory: '16Mb' }

/** Draws jobs: single ones, task arrays, modules that print, and some that fail whatever is done. */
export async function createWork(random: Random): Promise<() => Work> {
  const hello = await readFile(path.join(CHECKOUT, 'examples/hello/hello.wasm'))
  const upTo = (most: number) => Math.floor(random.next() * most)
  const batch = (kind: string, count: number, task: object, more: Partial<Work> = {}): Work => ({
    kind,
    count,
    ends: 'Completed',
    job: {
      Type: 'batch',
      Count: count,
      Priority: upTo(3),
      Labels: { kind },
      Tasks: [{ Name: 'main', Resources: RESOURCES, Timeouts: PATIENCE, ...task }],
    },
    ...more,
  })
  const noop = (most: number) => ({ Engine: { Type: 'noop', Params: { DelayMs: upTo(most) } } })
  const published = { ...wasm(hello, NAMES), Publisher: { Type: 'ipfs' }, ResultPaths: OUTPUTS }
  const draws: (() => Work)[] = [
    () => batch('single', 1, noop(400)),
    () => batch('array', 5 + upTo(100), noop(20)),
    () => batch('module', 1, wasm(RETURNS)),
    () => batch('published', 1 + upTo(3), published, { prints: 'Hello, World!' }),
    () => batch('stopped', 1 + upTo(20), noop(2_000), { stops: true }),
    () => batch('trap', 1, wasm(TRAPS), { ends: 'Failed' }),
  ]
  return () => draws[upTo(draws.length)]?.() ?? batch('single', 1, noop(400))
}

/** What the module `hello` greets. */
const NAMES = { Target: '/inputs/name.txt', Source: { Type: 'inline', Params: { URL: 'data:text/plain,World' } } }

/** Where it writes the same. */
const OUTPUTS = [{ Name: 'outputs', Path: '/outputs' }]

function wasm(module: Uint8Array, ...inputs: object[]): object {
  const URL = `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`
  return {
    Engine: { Type: 'wasm', Params: { EntryModule: '/app/main.wasm' } },
    InputSources: [{ Target: '/app/main.wasm', Source: { Type: 'inline', Params: { URL } } }, ...inputs],
  }
}
