// The thread that moves the write-ahead log of a store into its database; see checkpoint.ts.
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../runtime/error.ts'
import { CHECKPOINT } from './checkpoint.ts'
import type { Answer, Request } from './checkpoint-thread.ts'

if (parentPort === null) throw new Error('this program is a worker thread')
const port = parentPort
const database = new DatabaseSync(String(workerData))
const checkpoint = database.prepare(CHECKPOINT)

function copy(): Answer {
  try {
    return { copied: Number(checkpoint.get()?.['checkpointed']) }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

port.on('message', (request: Request) => {
  if (request === 'checkpoint') return port.postMessage(copy())
  database.close()
  port.close()
})
