import type { Problem } from './problem.ts'

export type Variables = Readonly<Record<string, string>>

/** Rules of the environment of a task, as the documented API has them. */
export function checkEnv(env: Variables, path: string): Problem[] {
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

/** The rules of older releases: looser (lower case is fine), but what no system can hold is refused. */
export function checkOlderEnv(env: Variables, path: string): Problem[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const message = olderProblem(name, value)
    return message === undefined ? [] : [{ path, message }]
  })
}

function olderProblem(name: string, value: string): string | undefined {
  if (name === '' || /[=\0]/.test(name)) return `'${name}' is no name of an environment variable`
  if (name.startsWith('BACALHAU_')) return `environment variable '${name}' cannot start with BACALHAU_`
  return value.includes('\0') ? `environment variable '${name}' must not contain NUL` : undefined
}
