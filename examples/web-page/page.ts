// The script of index.html. It needs no more than the client, and the node needs to know the page's origin:
// see README.md beside it.
import { createClient, isApiError, type JobInput } from '@bacalhau/client'

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`)
  return found
}

const [form, files, output, list] = [
  element('form', HTMLFormElement),
  element('files', HTMLInputElement),
  element('output', HTMLPreElement),
  element('results', HTMLUListElement),
]
const [address, token] = [element('address', HTMLInputElement), element('token', HTMLInputElement)]

/** Counts the words of the chosen files. The module is served beside this page. */
function wordCount(cid: string): JobInput {
  return {
    Type: 'batch',
    Tasks: [
      {
        Name: 'main',
        Engine: { Type: 'wasm', Params: { EntryModule: '/app/word-count.wasm', Parameters: ['--top', '5'] } },
        Publisher: { Type: 'ipfs' },
        InputSources: [
          { Target: '/app/word-count.wasm', Source: { Type: 'ipfs', Params: { CID: `${cid}/word-count.wasm` } } },
          { Target: '/inputs', Source: { Type: 'ipfs', Params: { CID: `${cid}/inputs` } } },
        ],
        ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
      },
    ],
  }
}

async function run(signal: AbortSignal): Promise<void> {
  const secret = token.value === '' ? {} : { token: token.value }
  const client = createClient({ baseUrl: address.value, ...secret })
  const module = await (await fetch('word-count.wasm', { signal })).blob()
  const inputs = [...(files.files ?? [])].map((file) => ({ path: `inputs/${file.name}`, content: file }))
  const { CID } = await client.data.addFolder([{ path: 'word-count.wasm', content: module }, ...inputs], { signal })

  const { JobID } = await client.jobs.submit(wordCount(CID), { signal })
  for await (const { text } of client.jobs.logs(JobID, { follow: true, signal })) output.append(text)
  const { State } = await client.jobs.wait(JobID, { signal })
  output.append(`\n${State.StateType} ${State.Message ?? ''}\n`)

  // Every byte is checked against the CID here, so the node needs not be trusted with it.
  for await (const entry of client.data.results(JobID, { signal })) {
    if (entry.kind !== 'file') continue
    const parts: BlobPart[] = []
    for await (const chunk of entry.content()) parts.push(new Uint8Array(chunk))
    const link = document.createElement('a')
    link.textContent = link.download = entry.path
    link.href = URL.createObjectURL(new Blob(parts))
    const item = document.createElement('li')
    item.append(link)
    list.append(item)
  }
}

let leaving = new AbortController()
form.addEventListener('submit', (event) => {
  event.preventDefault()
  leaving.abort()
  leaving = new AbortController()
  output.textContent = ''
  list.replaceChildren()
  const { signal } = leaving
  run(signal).catch((error: unknown) => {
    if (signal.aborted) return
    // What to do next is part of every error.
    output.append(isApiError(error) ? `${error.message}\n${error.hint ?? ''}\n` : String(error))
  })
})
