import type { JobInput } from '@bacalhau/client'

/** The job of one of the example modules, which are in the folder `cid` beside their inputs. */
export function exampleJob(name: string, cid: string, parameters: readonly string[] = []): JobInput {
  return {
    Type: 'batch',
    Labels: { example: name },
    Tasks: [
      {
        Name: 'main',
        Engine: { Type: 'wasm', Params: { EntryModule: '/app/module.wasm', Parameters: parameters } },
        Publisher: { Type: 'ipfs' },
        InputSources: [
          { Target: '/app/module.wasm', Source: { Type: 'ipfs', Params: { CID: `${cid}/module.wasm` } } },
          { Target: '/inputs', Source: { Type: 'ipfs', Params: { CID: `${cid}/inputs` } } },
        ],
        ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
        Timeouts: { ExecutionTimeout: 60 },
      },
    ],
  }
}
