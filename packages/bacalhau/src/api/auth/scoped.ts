import type { Job, Submission } from '@bacalhau/models'
import type { LogChunk, Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import type { Access } from './access.ts'

/**
 * An orchestrator as somebody sees it who may only use some namespaces: jobs of others are not there, and none can be submitted
 * to them. The one place where namespaces are kept apart.
 */
export function scoped(orchestrator: Orchestrator, { namespaces }: Pick<Access, 'namespaces'>): Orchestrator {
  if (namespaces === 'all') return orchestrator
  const find = (idOrName: string, namespace?: string) => findOwn(orchestrator, namespaces, idOrName, namespace)
  /** Does the work on a job that is there for the caller, by its full id. */
  const on = async <T>(idOrName: string, namespace: string | undefined, work: (job: Job) => Promise<T>): Promise<T> =>
    work(await find(idOrName, namespace))
  const checked = (submission: Submission): Submission => {
    const namespace = submission.spec.Namespace === '' ? 'default' : submission.spec.Namespace
    if (namespaces.includes(namespace)) return submission
    throw forbidden(namespace, namespaces)
  }
  return {
    submit: async (submission, options) =>
      orchestrator.submit(checked(submission), { ...options, readable: namespaces }),
    diff: async (submission) => orchestrator.diff(checked(submission), { readable: namespaces }),
    rerun: (id, version, namespace) => on(id, namespace, (job) => orchestrator.rerun(job.ID, version, job.Namespace)),
    getJob: (id, namespace, version) =>
      on(id, namespace, async (job) =>
        version === undefined ? job : orchestrator.getJob(job.ID, job.Namespace, version),
      ),
    versions: (id, namespace) => on(id, namespace, (job) => orchestrator.versions(job.ID, job.Namespace)),
    listJobs: (query) => orchestrator.listJobs({ ...query, namespaces: narrowed(query.namespaces, namespaces) }),
    executions: (id, namespace) => on(id, namespace, (job) => orchestrator.executions(job.ID, job.Namespace)),
    listExecutions: (id, query, namespace) =>
      on(id, namespace, (job) => orchestrator.listExecutions(job.ID, query, job.Namespace)),
    history: (id, after, limit, namespace) =>
      on(id, namespace, (job) => orchestrator.history(job.ID, after, limit, job.Namespace)),
    stopJob: (id, reason, namespace) => on(id, namespace, (job) => orchestrator.stopJob(job.ID, reason, job.Namespace)),
    waitForChange: (id, revision, signal, namespace) =>
      on(id, namespace, (job) => orchestrator.waitForChange(job.ID, revision, signal, job.Namespace)),
    changes: (query, signal) =>
      orchestrator.changes({ ...query, namespaces: narrowed(query.namespaces, namespaces) }, signal),
    results: (id, namespace) => on(id, namespace, (job) => orchestrator.results(job.ID, job.Namespace)),
    async *logs(id, query, signal, namespace): AsyncGenerator<LogChunk> {
      const job = await find(id, namespace)
      yield* orchestrator.logs(job.ID, query, signal, job.Namespace)
    },
    nodes: () => orchestrator.nodes(),
    node: (id) => orchestrator.node(id),
    approveNode: (id, message) => orchestrator.approveNode(id, message),
    rejectNode: (id, message) => orchestrator.rejectNode(id, message),
    deleteNode: (id) => orchestrator.deleteNode(id),
  }
}

/** Of the namespaces that are asked for, those that are allowed. */
const narrowed = (wanted: readonly string[] | undefined, allowed: readonly string[]): readonly string[] =>
  wanted?.filter((namespace) => allowed.includes(namespace)) ?? allowed

async function findOwn(
  orchestrator: Orchestrator,
  namespaces: readonly string[],
  idOrName: string,
  namespace: string | undefined,
): Promise<Job> {
  // Nobody who names a job in the default namespace stands in the way of those who may not even see it.
  const home = namespaces.includes('default') ? 'default' : namespaces[0]
  try {
    const job = await orchestrator.getJob(idOrName, namespace || home)
    if (namespaces.includes(job.Namespace)) return job
  } catch (error) {
    // That a beginning of an ID is shared with somebody else's job is nobody's business.
    if (!isBacalhauError(error) || (error.code !== 'Conflict' && error.code !== 'NotFound')) throw error
  }
  throw new BacalhauError('NotFound', `job not found: ${idOrName}`, {
    component: 'JobStore',
    hint: `You may use ${list(namespaces)}; name it with --namespace where it is not the default one.`,
  })
}

function forbidden(namespace: string, namespaces: readonly string[]): BacalhauError {
  return new BacalhauError('Forbidden', 'Request Forbidden', {
    component: 'Authorizer',
    hint: `Set the Namespace of the job: you may use ${list(namespaces)}.`,
    details: { reason: `the caller may not use the namespace ${namespace}` },
  })
}

function list(namespaces: readonly string[]): string {
  return `${namespaces.length === 1 ? 'the namespace' : 'the namespaces'} ${namespaces.join(', ')}`
}
