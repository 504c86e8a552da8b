import { cpus, loadavg, totalmem } from 'node:os'
import { createWorld, type World } from '../packages/bacalhau/test/program.ts'

/** Ends the world before, if there is one, and begins a new one. */
export type NewWorld = () => Promise<World>

/** Runs a benchmark, all of whose processes and files are gone afterwards, also after Ctrl-C. */
export async function bench(title: string, run: (newWorld: NewWorld) => Promise<void>): Promise<void> {
  console.log(`${title}\n${machine()}\n`)
  let world: World | undefined
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(name, () => void (world?.end() ?? Promise.resolve()).finally(() => process.exit(code)))
  }
  try {
    await run(async () => {
      await world?.end()
      return (world = await createWorld())
    })
  } finally {
    await world?.end()
  }
}

function machine(): string {
  const [cpu] = cpus()
  const load = loadavg()[0]?.toFixed(2)
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${memory} GiB, Node ${process.version}, load ${load} at the start`
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
