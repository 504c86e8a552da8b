import { command } from '../command.ts'
import { oneOf, toggle } from '../flag.ts'

export const dataAddFlags = {
  'cid-version': oneOf(['0', '1'], { help: 'Qm… or bafy…', fallback: '0' }),
  wrap: toggle({ short: 'w', help: 'put a file into a folder, so that it keeps its name' }),
} as const

export const dataAdd = command({
  name: 'data add',
  summary: 'Add a file or folder, and print its CID',
  about:
    'The same bytes have the same CID everywhere, also in `ipfs add`. What is added is pinned until `bacalhau data unpin`.',
  usage: '<path>',
  flags: dataAddFlags,
  examples: [
    { about: 'A folder', command: 'bacalhau data add ./texts' },
    { about: 'Only the CID, for a script', command: 'cid=$(bacalhau data add big.csv 2>/dev/null)' },
  ],
  load: () => import('../commands/data-add.ts'),
})

export const dataGetFlags = {} as const

export const dataGet = command({
  name: 'data get',
  summary: 'Fetch content by its CID',
  about:
    'Content that this node does not have is looked for in the swarm. Files that are there already are never overwritten.',
  usage: '<cid[/path]> [dir]',
  flags: dataGetFlags,
  examples: [{ about: 'Into ./here', command: 'bacalhau data get Qm… ./here' }],
  load: () => import('../commands/data-get.ts'),
})

export const dataLsFlags = {} as const

export const dataLs = command({
  name: 'data ls',
  summary: 'List a folder by its CID',
  usage: '<cid[/path]>',
  flags: dataLsFlags,
  examples: [{ about: 'What is in a result', command: 'bacalhau data ls Qm…/outputs' }],
  load: () => import('../commands/data-ls.ts'),
})

export const dataPinsFlags = {} as const

export const dataPins = command({
  name: 'data pins',
  summary: 'List what the node keeps',
  usage: '',
  flags: dataPinsFlags,
  examples: [{ about: 'CIDs that garbage collection spares', command: 'bacalhau data pins' }],
  load: () => import('../commands/data-pins.ts'),
})

export const dataUnpinFlags = {} as const

export const dataUnpin = command({
  name: 'data unpin',
  summary: 'No longer keep some content',
  about: 'The space is free after the next `bacalhau data gc`.',
  usage: '<cid>',
  flags: dataUnpinFlags,
  examples: [{ about: 'Forget it', command: 'bacalhau data unpin Qm…' }],
  load: () => import('../commands/data-unpin.ts'),
})

export const dataGcFlags = {} as const

export const dataGc = command({
  name: 'data gc',
  summary: 'Free the space of content that is not pinned',
  usage: '',
  flags: dataGcFlags,
  examples: [{ about: 'Now', command: 'bacalhau data gc' }],
  load: () => import('../commands/data-gc.ts'),
})
