import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'

const text = z
  .string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be text') })
  .max(65_536, 'is longer than 65536 characters')
  .refine((value) => !value.includes('\0'), 'contains a NUL character')

const guestPath = text.startsWith('/', 'must be an absolute path in the job, such as /wasm/main.wasm')

const schema = z.strictObject({
  EntryModule: guestPath,
  Entrypoint: text.min(1, 'must not be empty').default('_start'),
  Parameters: z.array(text, 'must be a list of texts').max(10_000, 'has more than 10000 entries').default([]),
  ImportModules: z.array(guestPath, 'must be a list of paths').max(100, 'has more than 100 entries').default([]),
})

/** `Params` of the engine `wasm`. */
export type WasmParams = z.infer<typeof schema>

/** Checks `Params`; throws a `ValidationError` that names every field that is wrong. */
export function parseWasmParams(params: Readonly<Record<string, unknown>>): WasmParams {
  const result = schema.safeParse(params)
  if (result.success) return result.data
  const problems = result.error.issues.map(describe).join('; ')
  throw new BacalhauError('ValidationError', `Engine.Params: ${problems}`, { component: 'wasm' })
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return `${issue.path.join('.')} ${issue.message}`
  return `unknown field ${issue.keys.join(', ')} (known: ${Object.keys(schema.shape).join(', ')})`
}
