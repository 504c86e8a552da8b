import { agentAlive, agentConfig, agentNode, agentVersion } from './catalogue/agent.ts'
import {
  authHashPassword,
  authInfo,
  authKeyAllow,
  authKeyList,
  authKeyRemove,
  authLogin,
  authLogout,
  authTokenCreate,
  authTokenList,
  authTokenRevoke,
} from './catalogue/auth.ts'
import { dataAdd, dataGc, dataGet, dataLs, dataPins, dataUnpin } from './catalogue/data.ts'
import {
  jobDescribe,
  jobExecutions,
  jobGet,
  jobHistory,
  jobList,
  jobLogs,
  jobStop,
  jobValidate,
  jobVersions,
} from './catalogue/jobs.ts'
import { nodeApprove, nodeDelete, nodeReject } from './catalogue/membership.ts'
import { networkDoctor, networkKey, peerAdd, peerList, peerPing, peerRemove } from './catalogue/network.ts'
import { id, nodeDescribe, nodeList, serve, version } from './catalogue/nodes.ts'
import { dockerRun, jobDiff, jobRerun, run, wasmRun } from './catalogue/running.ts'
import {
  configGet,
  configList,
  configSet,
  profileDelete,
  profileList,
  profileSave,
  profileSelect,
  profileShow,
} from './catalogue/settings.ts'
import { storeBackup, storeCheck, storeRestore } from './catalogue/stores.ts'
import { completion, devstack, doctor, jobTop, nodeTop } from './catalogue/experience.ts'
import type { Command } from './command.ts'

/** Commands of one subject, in the order in which help shows them. */
export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Run jobs', commands: [run, dockerRun, wasmRun, jobRerun, jobDiff, jobValidate] },
  {
    title: 'Jobs',
    commands: [jobList, jobTop, jobDescribe, jobLogs, jobGet, jobStop, jobExecutions, jobHistory, jobVersions],
  },
  { title: 'Data', commands: [dataAdd, dataGet, dataLs, dataPins, dataUnpin, dataGc] },
  {
    title: 'Nodes',
    commands: [serve, devstack, doctor, id, nodeList, nodeTop, nodeDescribe, nodeApprove, nodeReject, nodeDelete],
  },
  { title: 'Network', commands: [peerList, peerAdd, peerRemove, peerPing, networkDoctor, networkKey] },
  { title: 'The node that answers', commands: [agentAlive, agentVersion, agentNode, agentConfig, version] },
  {
    title: 'Settings',
    commands: [
      configList,
      configGet,
      configSet,
      profileList,
      profileSave,
      profileShow,
      profileSelect,
      profileDelete,
      completion,
    ],
  },
  {
    title: 'Access',
    commands: [
      authInfo,
      authLogin,
      authLogout,
      authTokenCreate,
      authTokenList,
      authTokenRevoke,
      authKeyAllow,
      authKeyList,
      authKeyRemove,
      authHashPassword,
    ],
  },
  { title: 'Store', commands: [storeBackup, storeCheck, storeRestore] },
]

export const COMMANDS: readonly Command[] = COMMAND_GROUPS.flatMap(({ commands }) => commands)
