import { LIMITS } from '../../runtime/limits.ts'
import {
  bytes,
  choice,
  cores,
  devices,
  labels,
  size,
  text,
  texts,
  toggle,
  webAddress,
  wholeNumber,
  type Share,
} from '../config-kinds.ts'
import { setting } from './setting.ts'

/** What this node is in its network, and which work it does. */
export const WORK_SETTINGS = {
  orchestrator: setting<boolean | undefined>({
    key: 'Orchestrator.Enabled',
    kind: toggle,
    fallback: undefined,
    about: 'Take jobs and place them. A node that names no role has both.',
  }),
  compute: setting<boolean | undefined>({
    key: 'Compute.Enabled',
    kind: toggle,
    fallback: undefined,
    about: 'Run jobs. A node that names no role has both.',
  }),
  nodeApproval: setting<'token' | 'auto' | 'manual'>({
    key: 'Orchestrator.NodeApproval',
    kind: choice(['token', 'auto', 'manual']),
    fallback: 'token',
    about:
      'Which compute nodes get work: those on this machine or with the join token, all that connect, or those that the operator approves.',
  }),
  placement: setting<'spread' | 'pack'>({
    key: 'Orchestrator.Placement',
    kind: choice(['spread', 'pack']),
    fallback: 'spread',
    about: 'Which of the fitting nodes gets a run: the one with most room, or the one with least.',
  }),
  keptJobs: setting({
    key: 'Orchestrator.KeptJobs',
    kind: wholeNumber(1, 100_000_000),
    fallback: 100_000,
    about: 'Ended jobs that are kept, with their executions and events; the oldest go first.',
  }),
  labels: setting<Readonly<Record<string, string>>>({
    key: 'Labels',
    kind: labels,
    fallback: {},
    about: 'Labels of this node, for the constraints of jobs.',
  }),
  allowListedLocalPaths: setting<readonly string[]>({
    key: 'Compute.AllowListedLocalPaths',
    kind: texts,
    fallback: [],
    about:
      'Files and folders of this machine that jobs may read, or also write with :rw at the end: absolute paths or globs.',
  }),
  capacityCpu: setting({
    key: 'Compute.AllocatedCapacity.CPU',
    kind: cores,
    fallback: { percent: 80 },
    about: 'Processors for jobs.',
  }),
  capacityMemory: setting({
    key: 'Compute.AllocatedCapacity.Memory',
    kind: bytes,
    fallback: { percent: 80 },
    about: 'Memory for jobs.',
  }),
  capacityDisk: setting({
    key: 'Compute.AllocatedCapacity.Disk',
    kind: bytes,
    fallback: { percent: 80 },
    about: 'Disk space for jobs.',
  }),
  capacityGpu: setting({
    key: 'Compute.AllocatedCapacity.GPU',
    kind: devices,
    fallback: { percent: 100 },
    about: 'GPUs for jobs.',
  }),
  diskFloor: setting<Share | undefined>({
    key: 'Compute.DiskFloor',
    kind: bytes,
    fallback: undefined,
    about:
      'Free space of the disk below which this node takes no new work: an amount, or a part of the disk. By default 1 GiB, or 5% where that is less.',
  }),
  logsMaxSize: setting({
    key: 'Compute.Logs.MaxSize',
    kind: size,
    fallback: LIMITS.executionOutput,
    about: 'Bytes of standard output and of standard error, each, that are kept of a run.',
  }),
  logsKeepMinutes: setting({
    key: 'Compute.Logs.KeepMinutes',
    kind: wholeNumber(0, 527_040),
    fallback: LIMITS.outputRetention / 60_000,
    about: 'Minutes for which the output of an ended execution can be read.',
  }),
  keepResultSize: setting({
    key: 'Results.KeepSize',
    kind: size,
    fallback: LIMITS.keptResult,
    about: 'The orchestrator keeps a copy of each result in IPFS that is not larger. 0 switches it off.',
  }),
  keepResultDays: setting({
    key: 'Results.KeepDays',
    kind: wholeNumber(0, 36_500),
    fallback: 30,
    about:
      'Days for which a compute node keeps the results that it has published in IPFS. The copy of the orchestrator stays as long as the job.',
  }),
  admissionLocality: setting<'anywhere' | 'local'>({
    key: 'JobAdmissionControl.Locality',
    kind: choice(['anywhere', 'local']),
    fallback: 'anywhere',
    about: 'local: take only jobs whose inputs are all on this node.',
  }),
  rejectStateless: setting({
    key: 'JobAdmissionControl.RejectStatelessJobs',
    kind: toggle,
    fallback: false,
    about: 'Take no jobs without inputs.',
  }),
  rejectNetworked: setting({
    key: 'JobAdmissionControl.RejectNetworkedJobs',
    kind: toggle,
    fallback: false,
    about: 'Take no jobs that ask for a network.',
  }),
  probeHttp: setting<string | undefined>({
    key: 'JobAdmissionControl.ProbeHTTP',
    kind: webAddress,
    fallback: undefined,
    about: 'URL that is asked about each job, by a POST of {"Job": …}; a status from 400 on refuses it.',
  }),
  probeExec: setting<string | undefined>({
    key: 'JobAdmissionControl.ProbeExec',
    kind: text,
    fallback: undefined,
    about: 'Command that bash runs for each job, {"Job": …} on its standard input; exit code 0 takes it.',
  }),
  envAllowList: setting<readonly string[]>({
    key: 'Compute.Env.AllowList',
    kind: texts,
    fallback: [],
    about: 'Variables of this node that jobs may read by env:NAME: names, in which * and ? stand for other characters.',
  }),
} as const
