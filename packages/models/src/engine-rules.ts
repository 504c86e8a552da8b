import type { Task } from './job-spec.ts'
import { excerpt, type Problem } from './problem.ts'

/**
 * Rules of what a task tells its engine: a job that no node could ever run is refused at once. The engine itself knows the rest,
 * and the texts are those that it uses.
 */
export function checkEngine(task: Task, path: string): Problem[] {
  const at = `${path}.Engine`
  switch (task.Engine.Type.toLowerCase()) {
    case 'docker':
      return [...checkDocker(task).map((message) => ({ path: at, message })), ...checkDockerNetwork(task, path)]
    case 'wasm':
      return checkWasm(task).map((message) => ({ path: at, message }))
    default:
      return []
  }
}

function checkDocker({ Engine: { Params = {} } }: Task): string[] {
  const { Image, WorkingDirectory, EnvironmentVariables } = Params
  const problems: string[] = []
  if (isNothing(Image)) problems.push("'Image' cannot be empty")
  if (typeof WorkingDirectory === 'string' && !/^(?:\/|$)/.test(WorkingDirectory))
    problems.push(`'WorkingDirectory' ("${excerpt(WorkingDirectory)}") must contain absolute path`)
  for (const name of namesOf(EnvironmentVariables))
    if (/^bacalhau_/i.test(name)) problems.push(`environment variable '${excerpt(name)}' cannot start with BACALHAU_`)
  return problems.map((problem) => `invalid docker engine param: ${problem}`)
}

function namesOf(variables: unknown): string[] {
  if (!Array.isArray(variables)) return []
  return variables.flatMap((entry: unknown) => (typeof entry === 'string' ? (entry.split('=', 1)[0] ?? '') : []))
}

function checkDockerNetwork({ Network: { Type, Domains = [] } }: Task, path: string): Problem[] {
  if (Type !== 'HTTP' || Domains.length > 0) return []
  const message = 'invalid networking configuration, at least one domain is required when HTTP networking is enabled'
  return [{ path: `${path}.Network`, message }]
}

const checkWasm = ({ Engine: { Params = {} } }: Task): string[] =>
  isNothing(Params['EntryModule']) ? ["invalid wasm engine param: 'EntryModule' cannot be empty"] : []

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
