import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'

const text = (what: string) =>
  z
    .string(`${what} must be text`)
    .max(4_096, `${what} is longer than 4096 characters`)
    .refine((value) => !value.includes('\0'), `${what} contains a NUL character`)

const guestPath = (what: string) =>
  text(what).startsWith('/', `${what} must be an absolute path in the job, such as /wasm/main.wasm`)

const schema = z.strictObject({
  EntryModule: guestPath('EntryModule'),
  Entrypoint: text('Entrypoint').min(1, 'Entrypoint must not be empty').default('_start'),
  Parameters: z
    .array(
      z
        .string('Parameters must be a list of texts')
        .refine((value) => !value.includes('\0'), 'a parameter contains a NUL character'),
    )
    .max(10_000, 'Parameters has more than 10000 entries')
    .default([]),
  ImportModules: z.array(guestPath('ImportModules')).max(100, 'ImportModules has more than 100 entries').default([]),
})

/** `Params` of the engine `wasm`. */
export type WasmParams = z.infer<typeof schema>

/** Checks `Params`; throws a `ValidationError` that names every field that is wrong. */
export function parseWasmParams(params: Readonly<Record<string, unknown>>): WasmParams {
  const result = schema.safeParse(params)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => describe(issue))
  throw new BacalhauError('ValidationError', `Engine.Params: ${problems.join('; ')}`, { component: 'wasm' })
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.join(', ')} (known: ${FIELDS.join(', ')})`
  if (issue.code === 'invalid_type' && issue.path.length > 0 && issue.input === undefined)
    return `${issue.path.join('.')} is missing`
  return `${issue.path.join('.')}: ${issue.message}`
}

const FIELDS = Object.keys(schema.shape)
