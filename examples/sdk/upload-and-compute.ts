// Uploads a folder of this machine, computes with it where it then is, and writes the results, verified, to a folder:
//   node examples/sdk/upload-and-compute.ts http://127.0.0.1:1234 words
import { createWriteStream, openAsBlob } from 'node:fs'
import { glob, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createClient, type FolderEntry } from '@bacalhau/client'
import { exampleJob } from './example-job.ts'
import { nodeUrl } from './node-url.ts'

const client = createClient({ baseUrl: nodeUrl() })
const target = path.resolve(process.argv[3] ?? 'words')

/** Files are opened one by one, and read when it is their turn. */
async function* folder(): AsyncGenerator<FolderEntry> {
  yield { path: 'module.wasm', content: await openAsBlob('examples/word-count/word-count.wasm') }
  for await (const file of glob('**/*.txt', { cwd: 'examples/word-count/inputs' })) {
    const content = await openAsBlob(path.join('examples/word-count/inputs', file))
    yield { path: `inputs/${file.replaceAll(path.sep, '/')}`, content }
  }
}

const { CID, Files } = await client.data.addFolder(folder())
console.log(`${Files} files are in ${CID}`)
const { JobID } = await client.jobs.submit(exampleJob('word-count', CID, ['--top', '5']))
await client.jobs.wait(JobID)

// The paths are checked, too: no name leads out of the folder.
for await (const entry of client.data.results(JobID)) {
  const place = path.join(target, entry.path)
  if (entry.kind === 'directory') await mkdir(place, { recursive: true })
  else if (entry.kind === 'file') await pipeline(entry.content(), createWriteStream(place))
}
console.log(`Results are in ${target}`)
