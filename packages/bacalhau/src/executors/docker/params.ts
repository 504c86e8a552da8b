import { parseBytes } from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { parseReference } from './image/reference.ts'

const problem = (text: string) => `invalid docker engine param: ${text}`

const text = z
  .string(problem('must be text'))
  .max(131_072, problem('a text is longer than 131072 characters'))
  .refine((value) => !value.includes('\0'), problem('a text contains a NUL character'))
/** Go programs write an empty list as null. */
const list = z.array(text, problem('must be a list of texts')).max(10_000).nullish()

const variable = text
  .refine((entry) => !/^bacalhau_/i.test(entry), {
    error: ({ input }) => problem(`environment variable '${nameOf(input)}' cannot start with BACALHAU_`),
  })
  .refine((entry) => !entry.startsWith('='), problem("environment variables look like 'NAME=value'"))

const GRACE_PROBLEM = problem(`'StopTimeout' must be seconds, at most ${LIMITS.containerGrace / 1_000}`)

const nameOf = (input: unknown) => String(input).split('=')[0]?.slice(0, 100)

const schema = z.strictObject({
  Image: text.refine((image) => image.trim() !== '', problem("'Image' cannot be empty")),
  Entrypoint: list,
  Parameters: list,
  EnvironmentVariables: z.array(variable, problem('must be a list of texts')).max(10_000).nullish(),
  WorkingDirectory: text
    .refine((folder) => folder === '' || folder.startsWith('/'), {
      error: ({ input }) => problem(`'WorkingDirectory' ("${String(input).slice(0, 100)}") must contain absolute path`),
    })
    .nullish(),
  /** Not in the original: runs as another user than the image says. */
  User: text
    .regex(/^[\w.-]{0,64}(?::[\w.-]{1,64})?$/, problem("'User' must be like name, 1000 or 1000:1000"))
    .nullish(),
  /** Nor are these: room in `/dev/shm`, and how the job is told that its time is up. */
  ShmSize: z.union([z.string(), z.number()], problem("'ShmSize' must be an amount like 256mb")).nullish(),
  StopSignal: text
    .regex(/^(?:(?:SIG)?[A-Z]{2,6}\d?|[1-9]|[1-5]\d|6[0-4])?$/, problem("'StopSignal' must be like SIGINT or 2"))
    .nullish(),
  StopTimeout: z
    .number(GRACE_PROBLEM)
    .min(0, GRACE_PROBLEM)
    .max(LIMITS.containerGrace / 1_000, GRACE_PROBLEM)
    .nullish(),
})

/** `Params` of the engine `docker`. */
export interface DockerParams {
  readonly image: string
  /** Undefined: the image's own. */
  readonly entrypoint: readonly string[] | undefined
  readonly command: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory: string | undefined
  readonly user: string | undefined
  /** Bytes; undefined: what the engine gives. */
  readonly shm: number | undefined
  /** Undefined: the image's own, else SIGTERM. */
  readonly stopSignal: string | undefined
  /** Milliseconds from that signal to the end by force; undefined: what the operator gives. */
  readonly grace: number | undefined
}

/** Checks `Params`; throws a `ValidationError` or `ImageInvalid` that says what is wrong. */
export function parseDockerParams(params: Readonly<Record<string, unknown>>): DockerParams {
  const parsed = schema.safeParse({ Image: '', ...params })
  if (!parsed.success) {
    const problems = [...new Set(parsed.error.issues.map(describe))].join('; ')
    throw new BacalhauError('ValidationError', problems, { component: 'docker' })
  }
  const { Image, Entrypoint, Parameters, EnvironmentVariables, WorkingDirectory, User } = parsed.data
  const { ShmSize, StopSignal, StopTimeout } = parsed.data
  parseReference(Image.trim())
  return {
    image: Image.trim(),
    entrypoint: filled(Entrypoint),
    command: filled(Parameters),
    env: variables(EnvironmentVariables ?? []),
    workingDirectory: WorkingDirectory === '' ? undefined : (WorkingDirectory ?? undefined),
    user: User === '' ? undefined : (User ?? undefined),
    shm: bytesOf(ShmSize),
    stopSignal: StopSignal === '' ? undefined : (StopSignal ?? undefined),
    grace: StopTimeout === undefined || StopTimeout === null ? undefined : StopTimeout * 1_000,
  }
}

function bytesOf(amount: string | number | null | undefined): number | undefined {
  if (amount === undefined || amount === null || amount === '' || amount === 0) return undefined
  const bytes = parseBytes(String(amount))
  if (bytes !== undefined) return bytes
  throw new BacalhauError('ValidationError', problem("'ShmSize' must be an amount like 256mb"), { component: 'docker' })
}

const filled = (items: readonly string[] | null | undefined) => (items?.length ? items : undefined)

/** Entries without `=` say nothing, as in the original. */
function variables(entries: readonly string[]): Record<string, string> {
  const split = entries
    .filter((entry) => entry.includes('='))
    .map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, at), entry.slice(at + 1)] as const
    })
  return Object.fromEntries(split)
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message
  return problem(`unknown field ${issue.keys.join(', ')} (known: ${Object.keys(schema.shape).join(', ')})`)
}
