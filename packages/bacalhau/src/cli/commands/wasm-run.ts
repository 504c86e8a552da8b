import type { wasmRunFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { runTask } from '../job/run-task.ts'
import { wasmSpec } from '../spec/wasm-spec.ts'

export const run = (invocation: Invocation<typeof wasmRunFlags>): Promise<number> =>
  runTask(invocation, wasmSpec(invocation.args, invocation.flags, invocation.io.env))
