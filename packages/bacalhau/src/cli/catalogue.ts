import { dataAdd, dataGc, dataGet, dataLs, dataPins, dataUnpin } from './catalogue/data.ts'
import { jobDescribe, jobExecutions, jobGet, jobHistory, jobList, jobLogs, jobStop } from './catalogue/jobs.ts'
import { configList, id, nodeDescribe, nodeList, serve, version } from './catalogue/nodes.ts'
import { run, wasmRun } from './catalogue/running.ts'
import type { Command } from './command.ts'

/** Commands of one subject, in the order in which help shows them. */
export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Run jobs', commands: [run, wasmRun] },
  { title: 'Jobs', commands: [jobList, jobDescribe, jobLogs, jobGet, jobStop, jobExecutions, jobHistory] },
  { title: 'Data', commands: [dataAdd, dataGet, dataLs, dataPins, dataUnpin, dataGc] },
  { title: 'Nodes', commands: [serve, id, nodeList, nodeDescribe, configList, version] },
]

export const COMMANDS: readonly Command[] = COMMAND_GROUPS.flatMap(({ commands }) => commands)
