import path from 'node:path'
import { createPrivateFile } from '../../network/private-file.ts'
import { newSwarmKeyText, parseSwarmKey } from '../../network/private-swarm/swarm-key.ts'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import type { networkKeyFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io }: Invocation<typeof networkKeyFlags>): Promise<number> {
  const file = path.resolve(io.cwd, args[0] ?? '')
  const text = newSwarmKeyText()
  const isNew = await createPrivateFile(file, text).catch((cause: unknown) => {
    throw new BacalhauError('DataDirUnusable', messageOf(cause), {
      hint: 'Name a file in a folder that is yours.',
      cause,
    })
  })
  if (!isNew) {
    throw new BacalhauError('Conflict', `${file} is there already; it was left as it is`, {
      hint: 'Name another file: whoever changes the key of a swarm has to change it on all of its machines.',
    })
  }
  const { fingerprint } = parseSwarmKey(Buffer.from(text), file)
  const next = `Copy it to each machine of the swarm, and start its nodes with --swarm-key.`
  await present(
    io,
    flags,
    { File: file, Fingerprint: fingerprint },
    () => `${plainLine(file)}: key ${fingerprint}\n${next}\n`,
  )
  return 0
}
