// Adds files one after the other until the process is killed. Arguments: the folder of the content. Says `ready` once a few
// are in.
import { createContent } from '../content.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { kuboRandomBytes } from './kubo-random.ts'
import { flow } from './temporary.ts'

const content = await createContent({ host: undefined, folder: process.argv[2] ?? '', logger: silentLogger })
for (let index = 0; ; index += 1) {
  // Small ones live in the index, large ones in packs.
  const { cid } = await content.add(flow(kuboRandomBytes(index % 2 === 0 ? 100 : 700_000, String(index))))
  console.log(cid.toString())
  if (index % 5 === 4) content.unpin(cid)
  if (index % 10 === 9) await content.collect()
}
