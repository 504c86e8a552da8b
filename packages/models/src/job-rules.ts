import { checkEngine } from './engine-rules.ts'
import { checkEnv, checkOlderEnv } from './env-rules.ts'
import type { Constraint, JobSpec, Task } from './job-spec.ts'
import { checkNetwork } from './network-rules.ts'
import type { Problem } from './problem.ts'

/** Rules of a job that span several fields, after the schema; the texts are those of the documented API. */
export const checkJob = (job: JobSpec): Problem[] => check(job, checkEnv)

/** The same for a job that has been taken: one that an older client wrote may have names of variables that are looser. */
export const checkTakenJob = (job: JobSpec): Problem[] => check(job, checkOlderEnv)

function check(job: JobSpec, checkVariables: typeof checkEnv): Problem[] {
  return [
    ...checkNul(job.Name, 'Name'),
    ...checkNul(job.Namespace, 'Namespace'),
    ...checkCount(job),
    ...job.Constraints.flatMap((constraint, index) => checkConstraint(constraint, index)),
    ...job.Tasks.flatMap((task, index) => checkTask(task, `Tasks[${index}]`, checkVariables)),
  ]
}

/** Databases and file systems end a text at NUL, so two names that differ would become one. */
function checkNul(name: string, path: string): Problem[] {
  return name.includes('\0') ? [{ path, message: 'must not contain NUL' }] : []
}

function checkCount(job: JobSpec): Problem[] {
  if ((job.Type !== 'daemon' && job.Type !== 'ops') || (job.Count ?? 0) <= 1) return []
  return [{ path: 'Count', message: `${job.Type} jobs cannot specify count > 1 as they run on all matching nodes` }]
}

function checkConstraint({ Operator, Values = [] }: Constraint, index: number): Problem[] {
  const fail = (message: string) => [{ path: `Constraints[${index}]`, message }]
  switch (Operator) {
    case 'in':
    case 'notin':
      return Values.length > 0 ? [] : fail(`operator '${Operator}' needs at least one value`)
    case 'exists':
    case '!':
      return Values.length === 0 ? [] : fail(`operator '${Operator}' takes no values`)
    case 'gt':
    case 'lt':
      return Values.length === 1 && /^-?\d+$/.test(Values[0] ?? '')
        ? []
        : fail(`operator '${Operator}' needs exactly one value, a whole number`)
    case '=':
    case '==':
    case '!=':
      return Values.length === 1 ? [] : fail(`operator '${Operator}' needs exactly one value`)
  }
}

function checkTask(task: Task, path: string, checkVariables: typeof checkEnv): Problem[] {
  return [
    ...checkNul(task.Name, `${path}.Name`),
    ...checkKinds(task, path),
    ...checkEngine(task, path),
    ...checkVariables(task.Env, `${path}.Env`),
    ...checkInputs(task, path),
    ...checkResultPaths(task, path),
    ...checkNetwork(task.Network, `${path}.Network`),
    ...checkTimeouts(task, path),
  ]
}

function checkKinds(task: Task, path: string): Problem[] {
  const problems: Problem[] = []
  if (task.Engine.Type === '') problems.push({ path: `${path}.Engine`, message: 'invalid engine: missing spec type' })
  if (task.ResultPaths.length > 0 && task.Publisher.Type === '') {
    problems.push({ path: `${path}.Publisher`, message: 'publisher must be set if result paths are set' })
  }
  return problems
}

function checkInputs(task: Task, path: string): Problem[] {
  const problems: Problem[] = []
  const [aliases, targets] = [new Set<string>(), new Set<string>()]
  for (const [index, { Source, Alias, Target }] of task.InputSources.entries()) {
    const at = `${path}.InputSources[${index}]`
    const absolute = checkGuestPath(Target)
    if (absolute !== undefined) problems.push({ path: `${at}.Target`, message: absolute })
    if (Source.Type === '') problems.push({ path: `${at}.Source`, message: 'missing spec type' })
    if (Alias !== '' && aliases.has(Alias))
      problems.push({ path: at, message: `input source with alias '${Alias}' already exists` })
    if (targets.has(place(Target)))
      problems.push({ path: at, message: `input source with target '${Target}' already exists` })
    aliases.add(Alias)
    targets.add(place(Target))
  }
  return problems
}

function checkResultPaths(task: Task, path: string): Problem[] {
  const problems: Problem[] = []
  const [names, paths] = [new Set<string>(), new Set<string>()]
  for (const [index, { Name, Path }] of task.ResultPaths.entries()) {
    const at = `${path}.ResultPaths[${index}]`
    const absolute = checkGuestPath(Path)
    if (absolute !== undefined) problems.push({ path: `${at}.Path`, message: absolute })
    // A name becomes a folder among the results, beside the three files that are always there.
    if (/[/\\\0]/.test(Name) || Name === '.' || Name === '..' || ['stdout', 'stderr', 'exitCode'].includes(Name)) {
      problems.push({ path: `${at}.Name`, message: `result path name '${Name}' cannot be a folder name` })
    }
    if (names.has(Name)) problems.push({ path: at, message: `result path with name '${Name}' already exists` })
    if (paths.has(place(Path))) problems.push({ path: at, message: `result path '${Path}' already exists` })
    names.add(Name)
    paths.add(place(Path))
  }
  return problems
}

/** One spelling for each place: without slashes that say nothing. */
const place = (path: string): string => path.replaceAll(/\/+(?=\/|$)/g, '')

/** Paths of the job's own world are absolute and hold no `..` or NUL. */
function checkGuestPath(path: string): string | undefined {
  if (!path.startsWith('/')) return `'${path}' must be an absolute path`
  if (path.includes('\0')) return 'must not contain NUL'
  if (path.split('/').includes('..')) return `'${path}' must not contain '..'`
  return undefined
}

function checkTimeouts(task: Task, path: string): Problem[] {
  const { ExecutionTimeout = 0, QueueTimeout = 0, TotalTimeout = 0 } = task.Timeouts
  if (TotalTimeout === 0 || ExecutionTimeout + QueueTimeout <= TotalTimeout) return []
  const message = `execution timeout ${ExecutionTimeout}s and queue timeout ${QueueTimeout}s should be less than total timeout ${TotalTimeout}s`
  return [{ path: `${path}.Timeouts`, message }]
}
