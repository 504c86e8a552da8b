import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createClient } from '@bacalhau/client'
import type { devstackFlags } from '../catalogue/experience.ts'
import type { Invocation } from '../command.ts'
import { environmentOf, exportLines, stackText } from '../devstack/stack-text.ts'
import { startStack, type Stack } from '../devstack/start-stack.ts'
import { invalidFlag } from '../flag.ts'
import { pause } from '../pause.ts'
import { present } from '../present.ts'
import { createProgress } from '../terminal/progress.ts'
import { styleFor } from '../terminal/style.ts'

export async function run({ flags, io, signal }: Invocation<typeof devstackFlags>): Promise<number> {
  const { orchestrators = 1, hybrids = 0, computes = 3 } = flags
  if (orchestrators + hybrids === 0) throw invalidFlag('orchestrators', 'a stack needs at least one, or a hybrid')
  const kept = flags['stack-repo']
  const folder =
    kept === undefined ? await mkdtemp(path.join(tmpdir(), 'bacalhau-devstack-')) : path.resolve(io.cwd, kept)
  const progress = createProgress(io.err, styleFor(io.err, io.env, flags['no-color']), io.clock)
  let stack: Stack | undefined
  try {
    await mkdir(folder, { recursive: true })
    await progress.update(`starting ${orchestrators + hybrids + computes} nodes`)
    stack = await startStack({ orchestrators, hybrids, computes }, folder, signal)
    await untilConnected(stack, signal)
    await progress.clear()
    const file = flags['write-env'] ?? io.env['DEVSTACK_ENV_FILE']
    if (file !== undefined && file !== '') await writeFile(path.resolve(io.cwd, file), exportLines(stack))
    const { nodes } = stack
    const facts = { Environment: Object.fromEntries(environmentOf(stack)), Folder: folder, Nodes: nodes.map(factsOf) }
    await present(io, flags, facts, (style) => stackText({ nodes }, folder, kept !== undefined, style))
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await io.err.write('\nStopping. Press Ctrl-C again to end at once.\n')
  } finally {
    await progress.clear()
    await stack?.stop()
    if (kept === undefined) await rm(folder, { recursive: true, force: true })
  }
  await io.err.write('Stopped.\n')
  return 0
}

const factsOf = ({ name, peerId, apiUrl, addresses, orchestrates, computes }: Stack['nodes'][number]) => ({
  Name: name,
  PeerID: peerId,
  APIURL: apiUrl,
  Addresses: addresses,
  Orchestrator: orchestrates,
  Compute: computes,
})

/** Milliseconds between two looks at who is there. */
const PAUSE = 50

/** Whoever is told that the stack runs may submit at once to any orchestrator, and every node is there. */
async function untilConnected({ nodes }: Stack, signal: AbortSignal): Promise<void> {
  const plain = nodes.filter(({ orchestrates }) => !orchestrates).map(({ peerId }) => peerId)
  for (const { apiUrl } of nodes.filter(({ orchestrates }) => orchestrates)) {
    const client = createClient({ baseUrl: apiUrl })
    for (;;) {
      const known = await client.nodes.list({ signal })
      const there = new Set(known.filter(({ Connection }) => Connection === 'CONNECTED').map(({ Info }) => Info.NodeID))
      if (plain.every((id) => there.has(id))) break
      await pause(PAUSE, signal)
    }
  }
}
