import { BacalhauError } from '../../runtime/error.ts'

/** What a task writes in front of the name of a variable of the node. */
const REFERENCE = 'env:'
/** Variables of this program, secrets among them, which no pattern gives away. */
const OWN = 'BACALHAU_'

/** Variables of the node that jobs may ask for. */
export interface NodeEnvironment {
  /** `env:NAME` becomes the node's own value of it, everything else stays. Throws `EnvRefused` with what is wrong. */
  resolve(env: Readonly<Record<string, string>>): Record<string, string>
}

/** `patterns`: names, in which `*` stands for any characters and `?` for one. Each has to match a name as a whole. */
export function createNodeEnvironment(
  patterns: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): NodeEnvironment {
  const allowed = patterns.map(toExpression)

  function valueOf(name: string): string {
    if (name.startsWith(OWN) || !allowed.some((pattern) => pattern.test(name))) {
      throw refused(`environment variable '${name}' is not in allowed patterns`)
    }
    const value = variables[name]
    if (value === undefined) throw refused(`required environment variable '${name}' not found`)
    return value
  }

  return {
    resolve(env) {
      const resolved = Object.entries(env).map(([name, value]) => {
        return [name, value.startsWith(REFERENCE) ? valueOf(value.slice(REFERENCE.length)) : value] as const
      })
      return Object.fromEntries(resolved)
    },
  }
}

const refused = (message: string) =>
  new BacalhauError('EnvRefused', message, {
    hint: 'The operator of the node names the variables that jobs may read in Compute.Env.AllowList.',
  })

const toExpression = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\*+/g, '.*')
      .replaceAll('?', '.')}$`,
  )
