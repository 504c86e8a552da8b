import type { JobInput } from '../src/index.ts'

/** The job of examples/hello: it greets the names in `/inputs/name.txt`, on standard output and in a file. */
export const helloJob = (cid: string): JobInput => ({
  Type: 'batch',
  Labels: { example: 'hello' },
  Tasks: [
    {
      Name: 'main',
      Engine: { Type: 'wasm', Params: { EntryModule: '/app/hello.wasm', Entrypoint: '_start' } },
      Publisher: { Type: 'ipfs' },
      InputSources: [
        { Target: '/app/hello.wasm', Source: { Type: 'ipfs', Params: { CID: `${cid}/hello.wasm` } } },
        { Target: '/inputs', Source: { Type: 'ipfs', Params: { CID: `${cid}/inputs` } } },
      ],
      ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
    },
  ],
})
