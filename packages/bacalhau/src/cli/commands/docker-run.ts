import type { dockerRunFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { runTask } from '../job/run-task.ts'
import { dockerSpec } from '../spec/docker-spec.ts'

export const run = (invocation: Invocation<typeof dockerRunFlags>): Promise<number> =>
  runTask(invocation, dockerSpec(invocation.args, invocation.flags, invocation.io.env))
