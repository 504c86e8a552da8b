import { dataAdd, dataGc, dataGet, dataLs, dataPins, dataUnpin } from './catalogue/data.ts'
import {
  jobDescribe,
  jobExecutions,
  jobGet,
  jobHistory,
  jobList,
  jobLogs,
  jobStop,
  jobVersions,
} from './catalogue/jobs.ts'
import { nodeApprove, nodeDelete, nodeReject } from './catalogue/membership.ts'
import { configList, id, nodeDescribe, nodeList, serve, version } from './catalogue/nodes.ts'
import { jobDiff, jobRerun, run, wasmRun } from './catalogue/running.ts'
import { storeBackup, storeCheck, storeRestore } from './catalogue/stores.ts'
import type { Command } from './command.ts'

/** Commands of one subject, in the order in which help shows them. */
export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Run jobs', commands: [run, wasmRun, jobRerun, jobDiff] },
  { title: 'Jobs', commands: [jobList, jobDescribe, jobLogs, jobGet, jobStop, jobExecutions, jobHistory, jobVersions] },
  { title: 'Data', commands: [dataAdd, dataGet, dataLs, dataPins, dataUnpin, dataGc] },
  {
    title: 'Nodes',
    commands: [serve, id, nodeList, nodeDescribe, nodeApprove, nodeReject, nodeDelete, configList, version],
  },
  { title: 'Store', commands: [storeBackup, storeCheck, storeRestore] },
]

export const COMMANDS: readonly Command[] = COMMAND_GROUPS.flatMap(({ commands }) => commands)
