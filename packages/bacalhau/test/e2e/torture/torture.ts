import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Random, seededRandom } from '../../../src/runtime/random.ts'
import { damagedStores, orphans } from './disk.ts'
import { type Acknowledged, startLoad } from './load.ts'
import { createMachine, type Machine } from './machine.ts'
import { openJobs, strays, violations } from './verdict.ts'
import { createWork } from './work.ts'

export interface TortureOptions {
  /** An orchestrator and two compute nodes, or one node with both roles. */
  readonly mode: 'swarm' | 'single'
  readonly rounds: number
  /** Of the load and the kills. What the processes make of it differs from run to run. */
  readonly seed: number
  /** Milliseconds that the jobs have to end after the last kill. */
  readonly patience?: number
  readonly say?: (line: string) => void
  /** Ends the torture early. */
  readonly signal?: AbortSignal
}

export interface TortureReport {
  readonly kills: number
  readonly acknowledged: number
  readonly executions: number
  readonly unanswered: number
  /** What should not be, one sentence each. */
  readonly violations: readonly string[]
}

/** Kills processes under load, again and again, and then looks whether anything that was acknowledged is lost or doubled. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-torture-'))
  const machines: Machine[] = []
  try {
    return await run(options, folder, machines)
  } finally {
    for (const machine of machines) await machine.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(options: TortureOptions, folder: string, machines: Machine[]): Promise<TortureReport> {
  const { mode, seed, rounds, patience = 120_000, say = () => undefined } = options
  const random = seededRandom(seed)
  const front = await createMachine(folder, 'front', mode === 'swarm' ? ['--orchestrator'] : [])
  machines.push(front)
  if (mode === 'swarm') {
    const { hostname, port } = new URL(front.apiUrl)
    const peer = `/ip4/${hostname}/tcp/${port}/http`
    for (const name of ['east', 'west']) {
      machines.push(await createMachine(folder, name, ['--compute', '--peer', peer]))
    }
  }
  for (const machine of machines) await machine.start()
  const load = startLoad(front.apiUrl, await createWork(seededRandom(seed + 1)), 2)
  let kills = 0
  for (let round = 1; round <= rounds && options.signal?.aborted !== true; round++) {
    const killed = await killSome(machines, random)
    kills += killed.length
    say(`round ${round} of ${rounds}: killed ${killed.join(', ')}; ${load.acknowledged.length} jobs acknowledged`)
  }
  await pause(500)
  await load.stop()
  const found: string[] = []
  const miss = (error: unknown) => void found.push(String(error))
  // Whoever interrupts the torture at a terminal interrupts the nodes, too.
  for (const machine of machines) await machine.start()
  await look(front.apiUrl, load.acknowledged, { patience, say }).then((all) => found.push(...all), miss)
  for (const machine of machines.toReversed()) await machine.stop().catch(miss)
  found.push(...machines.flatMap(({ deaths }) => deaths))
  found.push(...(await orphans(folder)), ...(await damagedStores(folder)))
  const executions = load.acknowledged.reduce((sum, { work }) => sum + work.count, 0)
  const acknowledged = load.acknowledged.length
  if (acknowledged === 0) found.push('no job was acknowledged, so nothing was tested')
  return { kills, acknowledged, executions, unanswered: load.unanswered(), violations: found }
}

/** What is wrong with the jobs when the kills are over. */
async function look(
  apiUrl: string,
  acknowledged: readonly Acknowledged[],
  { patience, say }: Required<Pick<TortureOptions, 'patience' | 'say'>>,
): Promise<string[]> {
  const open = await openJobs(apiUrl, acknowledged, patience)
  say(`${acknowledged.length - open.length} of ${acknowledged.length} jobs have ended`)
  if (open.length > 0) return open
  return [...(await strays(apiUrl, patience)), ...(await violations(apiUrl, acknowledged))]
}

/** Kills one machine or several, starts them again after a while, and sometimes kills one while it starts. */
async function killSome(machines: readonly Machine[], random: Random): Promise<string[]> {
  const between = (least: number, most: number) => least + random.next() * (most - least)
  await pause(between(100, 1_500))
  const chosen = machines.filter(() => random.next() < 0.5)
  const victims = chosen.length === 0 ? [machines[Math.floor(random.next() * machines.length)]] : chosen
  const names: string[] = []
  const downs = victims.flatMap((machine) => (machine === undefined ? [] : [machine]))
  await Promise.all(
    downs.map(async (machine) => {
      const [down, again, sooner] = [between(0, 800), random.next() < 0.3, between(0, 500)]
      await machine.kill()
      names.push(machine.name)
      await pause(down)
      if (again) {
        const starting = machine.start()
        await pause(sooner)
        await machine.kill()
        names.push(machine.name)
        await starting
      }
      await machine.start()
    }),
  )
  return names
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
