import { JOB_TYPES, type JobSpec } from '@bacalhau/models'
import fc from 'fast-check'

/** Text that YAML, JSON, a store and HTTP all have a reason to stumble over, and no blank at its ends. */
const text = fc.oneof(
  fc.constantFrom(
    'yes',
    'null',
    '1.0',
    '0x10',
    '2024-01-01',
    '- a',
    '# b',
    '"',
    "'",
    '%41',
    '{}',
    '<b>&',
    'a\u2028b',
    '🙂',
  ),
  fc.string({ minLength: 1, maxLength: 20 }).filter((value) => value.trim() === value && !value.includes('\0')),
)
const word = fc.stringMatching(/^[a-z][a-z\d]{0,11}$/)
const labels = fc.dictionary(word, text, { maxKeys: 4, noNullPrototype: true })
const seconds = fc.integer({ min: 1, max: 1_000 })
const params = fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const constraint = fc.oneof(
  fc.record({ Key: word, Operator: fc.constantFrom('exists', '!'), Values: fc.constant([]) }),
  fc.record({ Key: word, Operator: fc.constantFrom('=', '!='), Values: fc.tuple(text).map((all) => [...all]) }),
  fc.record({
    Key: word,
    Operator: fc.constantFrom('in', 'NotIn'),
    Values: fc.array(text, { minLength: 1, maxLength: 3 }),
  }),
)

const ports = fc.uniqueArray(fc.record({ Name: word, Static: fc.integer({ min: 2_000, max: 60_000 }) }), {
  maxLength: 2,
  selector: ({ Name }) => Name,
  comparator: (a, b) => a === b,
})
const network = fc.oneof(
  fc.constantFrom({ Type: 'None' }, { Type: 'full' }, { Type: 'Default' }),
  fc.record({ Type: fc.constant('HTTP'), Domains: fc.constantFrom(['example.com'], ['*.a.org', 'b.net']) }),
  ports
    .filter((all) => new Set(all.map(({ Static }) => Static)).size === all.length)
    .map((Ports) => ({ Type: 'bridge', Ports })),
)

const inputs = fc.uniqueArray(word, { maxLength: 3 }).map((names) =>
  names.map((name, index) => ({
    Source: { Type: ['ipfs', 'urlDownload', 's3'][index], Params: { CID: name } },
    Target: `/in/${name}`,
    Alias: name,
  })),
)
const results = fc
  .uniqueArray(word, { maxLength: 3 })
  .map((names) => names.map((Name) => ({ Name, Path: `/out/${Name}` })))

const task = fc.record({
  Name: text,
  Engine: fc.oneof(
    fc.record({ Type: fc.constantFrom('noop', 'script'), Params: params }),
    fc.record({ Type: fc.constant('docker'), Params: fc.record({ Image: word }) }),
    fc.record({ Type: fc.constant('wasm'), Params: fc.record({ EntryModule: word.map((name) => `/${name}`) }) }),
  ),
  Publisher: fc.constantFrom({ Type: 'ipfs' }, { Type: 's3', Params: { Bucket: 'b', Key: 'k/{jobID}' } }),
  Env: fc.dictionary(
    fc.stringMatching(/^[A-Z][A-Z\d_]{0,8}$/).filter((name) => !name.startsWith('BACALHAU_')),
    text,
    {
      maxKeys: 3,
      noNullPrototype: true,
    },
  ),
  Meta: labels,
  InputSources: inputs,
  ResultPaths: results,
  Resources: fc.record(
    { CPU: fc.constantFrom('500m', '2'), Memory: fc.constantFrom('512Mb', '1gib'), GPU: fc.constant('1') },
    { requiredKeys: [] },
  ),
  Network: network,
  Timeouts: fc.record({ ExecutionTimeout: seconds, QueueTimeout: seconds }, { requiredKeys: [] }),
})

/** Specs that are right, written as users write them: letter case, units and what is left out vary. */
export const anySpec = fc
  .record({
    Name: maybe(text),
    Namespace: maybe(word),
    Type: fc.constantFrom(...JOB_TYPES),
    Priority: maybe(fc.integer({ min: -100, max: 100 })),
    Count: maybe(fc.integer({ min: 1, max: 50 })),
    Constraints: maybe(fc.array(constraint, { maxLength: 3 })),
    Meta: maybe(labels),
    Labels: maybe(labels),
    Tasks: task.map((only) => [only]),
  })
  .map(({ Count, Type, ...spec }) => ({
    ...spec,
    Type,
    ...(Type === 'batch' || Type === 'service' ? { Count } : {}),
  }))

/** Changes that make any of those specs wrong, and where that is found. */
export const FAULTS: readonly (readonly [path: string, spoil: (spec: Spoilable) => unknown])[] = [
  ['Type', (spec) => ({ ...spec, Type: 'cron' })],
  ['Count', (spec) => ({ ...spec, Type: 'batch', Count: -1 })],
  ['Count', (spec) => ({ ...spec, Type: 'ops', Count: 2 })],
  ['Priority', (spec) => ({ ...spec, Priority: '5' })],
  ['Labels', (spec) => ({ ...spec, Labels: ['a'] })],
  ['Labels.a', (spec) => ({ ...spec, Labels: { a: 1 } })],
  ['Tasks', (spec) => ({ ...spec, Tasks: [] })],
  ['Tasks', (spec) => ({ ...spec, Tasks: undefined })],
  ['Constraints[0].Operator', (spec) => ({ ...spec, Constraints: [{ Key: 'a', Operator: 'like' }] })],
  ['Constraints[0]', (spec) => ({ ...spec, Constraints: [{ Key: 'a', Operator: 'in', Values: [] }] })],
  ['Tasks[0].Name', (spec) => withTask(spec, { Name: ' ' })],
  ['Tasks[0].Engine', (spec) => withTask(spec, { Engine: { Type: '' } })],
  ['Tasks[0].Engine', (spec) => withTask(spec, { Engine: { Type: 'docker' } })],
  ['Tasks[0].Engine', (spec) => withTask(spec, { Engine: { Type: 'wasm', Params: { Parameters: [] } } })],
  ['Tasks[0].Env', (spec) => withTask(spec, { Env: { lower: 'x' } })],
  ['Tasks[0].Resources.CPU', (spec) => withTask(spec, { Resources: { CPU: 'many' } })],
  ['Tasks[0].Network.Type', (spec) => withTask(spec, { Network: { Type: '' } })],
  ['Tasks[0].Network', (spec) => withTask(spec, { Network: { Type: 'None', Domains: ['a.org'] } })],
  ['Tasks[0].Timeouts.QueueTimeout', (spec) => withTask(spec, { Timeouts: { QueueTimeout: 1.5 } })],
  [
    'Tasks[0].InputSources[0].Target',
    (spec) => withTask(spec, { InputSources: [{ Source: { Type: 'ipfs' }, Target: 'relative' }] }),
  ],
  ['Tasks[0].ResultPaths[0].Path', (spec) => withTask(spec, { ResultPaths: [{ Name: 'a', Path: '/../b' }] })],
]

type Spoilable = { readonly Tasks: readonly object[] }
const withTask = (spec: Spoilable, change: object) => ({
  ...spec,
  Tasks: spec.Tasks.map((only) => ({ ...only, ...change })),
})

/** What of a stored job is the spec that was submitted. */
export function specOfJob(job: JobSpec & { readonly ID: string }, named: boolean): object {
  const { Name, Namespace, Type, Priority, Count, Constraints, Labels, Meta, Tasks } = job
  const own = Object.fromEntries(Object.entries(Meta).filter(([key]) => !key.startsWith('bacalhau.org/')))
  return { Name: named ? Name : '', Namespace, Type, Priority, Count, Constraints, Labels, Meta: own, Tasks }
}
