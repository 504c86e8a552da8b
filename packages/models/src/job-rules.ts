import type { Constraint, JobSpec, NetworkSpec, Task } from './job-spec.ts'
import type { Problem } from './problem.ts'

/** Rules of a job that span several fields, after the schema; the texts are those of the documented API. */
export function checkJob(job: JobSpec): Problem[] {
  return [
    ...checkCount(job),
    ...job.Constraints.flatMap((constraint, index) => checkConstraint(constraint, index)),
    ...job.Tasks.flatMap((task, index) => checkTask(task, `Tasks[${index}]`)),
  ]
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

function checkTask(task: Task, path: string): Problem[] {
  return [
    ...checkEngine(task, path),
    ...checkEnv(task.Env, `${path}.Env`),
    ...checkInputs(task, path),
    ...checkResultPaths(task, path),
    ...checkNetwork(task.Network, `${path}.Network`),
    ...checkTimeouts(task, path),
  ]
}

function checkEngine(task: Task, path: string): Problem[] {
  const problems: Problem[] = []
  if (task.Engine.Type.trim() === '')
    problems.push({ path: `${path}.Engine`, message: 'invalid engine: missing spec type' })
  if (task.Name.includes('\0')) problems.push({ path: `${path}.Name`, message: 'must not contain NUL' })
  if (task.ResultPaths.length > 0 && task.Publisher.Type === '') {
    problems.push({ path: `${path}.Publisher`, message: 'publisher must be set if result paths are set' })
  }
  return problems
}

function checkEnv(env: Readonly<Record<string, string>>, path: string): Problem[] {
  const problems: Problem[] = []
  for (const [name, value] of Object.entries(env)) {
    const fail = (message: string) => problems.push({ path, message: `environment variable '${name}' ${message}` })
    if (name === '') fail('must have a name')
    else if (name !== name.toUpperCase()) fail('must be uppercase')
    else if (!/^[A-Z]/.test(name)) fail('must start with a letter')
    else if (!/^[A-Z0-9_]+$/.test(name)) fail('can only contain letters, numbers, and underscores')
    else if (name.startsWith('BACALHAU_')) fail('cannot start with BACALHAU_')
    else if (value === '') fail('cannot have empty value')
    else if (value.includes('\0')) fail('must not contain NUL')
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
    if (Source.Type.trim() === '') problems.push({ path: `${at}.Source`, message: 'missing spec type' })
    if (Alias !== '' && aliases.has(Alias))
      problems.push({ path: at, message: `input source with alias '${Alias}' already exists` })
    if (targets.has(Target)) problems.push({ path: at, message: `input source with target '${Target}' already exists` })
    aliases.add(Alias)
    targets.add(Target)
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
    if (paths.has(Path)) problems.push({ path: at, message: `result path '${Path}' already exists` })
    names.add(Name)
    paths.add(Path)
  }
  return problems
}

/** Paths of the job's own world are absolute and hold no `..` or NUL. */
function checkGuestPath(path: string): string | undefined {
  if (!path.startsWith('/')) return `'${path}' must be an absolute path`
  if (path.includes('\0')) return 'must not contain NUL'
  if (path.split('/').includes('..')) return `'${path}' must not contain '..'`
  return undefined
}

const DOMAIN = /^\.?(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*$|^[\da-f:.]+$/

function checkNetwork({ Type, Domains = [], Ports = [] }: NetworkSpec, path: string): Problem[] {
  const problems: Problem[] = []
  const fail = (message: string) => problems.push({ path, message })
  if (Domains.length > 0 && Type !== 'HTTP') fail('domains can only be set for HTTP network mode')
  for (const domain of Domains) if (!DOMAIN.test(domain)) fail(`invalid domain "${domain}"`)
  if (Ports.length > 0 && !['Host', 'Full', 'Bridge'].includes(Type))
    fail('ports can only be set for Host or Bridge network modes')
  const seen = new Set<string>()
  for (const { Name, Static = 0, Target = 0 } of Ports) {
    if (Static > 0 && Static < 1_024) fail(`static port ${Static} is in privileged port range (1-1023)`)
    if (Target > 0 && Type !== 'Bridge') fail('target ports cannot be set for Host network mode')
    for (const [kind, value] of [
      ['name', Name],
      ['static port', Static],
      ['target port', Target],
    ] as const) {
      const key = `${kind} ${value}`
      if (value !== 0 && seen.has(key)) fail(`duplicate port mapping ${kind} ${kind === 'name' ? `"${value}"` : value}`)
      seen.add(key)
    }
  }
  return problems
}

function checkTimeouts(task: Task, path: string): Problem[] {
  const { ExecutionTimeout = 0, QueueTimeout = 0, TotalTimeout = 0 } = task.Timeouts
  if (TotalTimeout === 0 || ExecutionTimeout + QueueTimeout <= TotalTimeout) return []
  const message = `execution timeout ${ExecutionTimeout}s and queue timeout ${QueueTimeout}s should be less than total timeout ${TotalTimeout}s`
  return [{ path: `${path}.Timeouts`, message }]
}
