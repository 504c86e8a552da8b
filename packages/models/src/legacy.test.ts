import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { accepted, onlyTask, refused } from '../test/samples.ts'
import { LEGACY_ENGINES, LEGACY_PUBLISHERS, LEGACY_SOURCES } from './legacy-spec.ts'
import { isLegacySpec, parseLegacySpec } from './legacy.ts'
import { parseSubmission } from './submission.ts'

const noop = { Engine: 'Noop' }
const parse = (fields: object) => parseLegacySpec({ ...noop, ...fields })
const specOf = (fields: object) => accepted(parse(fields)).spec
const taskOf = (fields: object) => onlyTask(accepted(parse(fields)))
const rejects = (fields: object, ...problems: string[]) => assert.deepEqual(refused(parse(fields)), problems)

test('the documented example of the generic endpoint', () => {
  const body: unknown =
    JSON.parse(`{"Engine":"Docker","Docker":{"Image":"ubuntu","Entrypoint":["echo"],"Parameters":["hello"]},
    "Deal":{"Concurrency":1},"Verifier":"Noop","PublisherSpec":{"Type":"IPFS"}}`)
  assert.ok(isLegacySpec(body))
  const { spec, warnings } = accepted(parseLegacySpec(body))
  assert.deepEqual(warnings, [])
  assert.deepEqual(spec, {
    Name: '',
    Namespace: 'default',
    Type: 'batch',
    Priority: 0,
    Count: 1,
    Constraints: [],
    Meta: {},
    Labels: {},
    Tasks: [
      {
        Name: 'main',
        Engine: {
          Type: 'docker',
          Params: {
            Image: 'ubuntu',
            Entrypoint: ['echo'],
            Parameters: ['hello'],
            EnvironmentVariables: [],
            WorkingDirectory: '',
          },
        },
        Publisher: { Type: 'ipfs' },
        Env: {},
        Meta: {},
        InputSources: [],
        ResultPaths: [],
        Resources: {},
        Network: { Type: 'None' },
        Timeouts: {},
      },
    ],
  })
})

test('a job document of release 1.0, lower-case keys and all', () => {
  const spec = {
    Engine: 'Docker',
    Verifier: 'Noop',
    Publisher: 'Estuary',
    PublisherSpec: { Type: 'Estuary' },
    Docker: { Image: 'ubuntu', Entrypoint: ['cat', '/inputs'] },
    Language: { JobContext: {} },
    Wasm: { EntryModule: {} },
    Resources: { CPU: '1', Memory: '1Gb', GPU: '' },
    Network: { Type: 'None', Domains: [] },
    Timeout: 1799.5,
    inputs: [{ StorageSource: 'IPFS', CID: 'QmData', path: '/inputs' }],
    outputs: [{ StorageSource: 'IPFS', Name: 'outputs', path: '/outputs' }],
    Annotations: ['a-tag'],
    NodeSelectors: [{ Key: 'owner', Operator: '=', Values: ['me'] }],
    DoNotTrack: true,
    Sharding: { BatchSize: 1, GlobPatternBasePath: '/inputs' },
    ExecutionPlan: { ShardsTotal: 1 },
    Deal: { Concurrency: 3, Confidence: 0, MinBids: 0 },
  }
  const document = { APIVersion: 'V1beta1', Metadata: { ID: 'x', ClientID: 'y' }, Spec: spec }
  assert.ok(isLegacySpec(document))
  const submission = accepted(parseLegacySpec(document))
  const task = onlyTask(submission)
  assert.deepEqual(submission.warnings, ['publisher Estuary is gone; results are published to IPFS'])
  assert.equal(submission.spec.Count, 3)
  assert.deepEqual(submission.spec.Labels, { 'a-tag': '' })
  assert.deepEqual(submission.spec.Constraints, [{ Key: 'owner', Operator: '=', Values: ['me'] }])
  assert.deepEqual(task.InputSources, [
    { Source: { Type: 'ipfs', Params: { CID: 'QmData' } }, Alias: '', Target: '/inputs' },
  ])
  assert.deepEqual(task.ResultPaths, [{ Name: 'outputs', Path: '/outputs' }])
  assert.deepEqual(task.Publisher, { Type: 'ipfs' })
  assert.deepEqual(task.Resources, { CPU: '1', Memory: '1gb', GPU: '' })
  assert.deepEqual(task.Timeouts, { ExecutionTimeout: 1_800 })
})

test('a spec of the v1.2 command line, which names its engine only in EngineSpec', () => {
  const document = {
    EngineSpec: {
      Type: 'wasm',
      Params: {
        EntryModule: { StorageSource: 'inline', URL: 'data:application/wasm;base64,AGFzbQEAAAA=' },
        Entrypoint: 'run',
        EnvironmentVariables: { lower: 'case' },
        ImportModules: [{ CID: 'QmImport' }],
        Parameters: ['-n', '3'],
      },
    },
    Publisher: 'noop',
    PublisherSpec: { Type: 'noop' },
    Docker: {},
    Wasm: { EntryModule: {} },
    Resources: { GPU: '' },
    Network: { Type: 'None' },
    Outputs: [{ StorageSource: 'ipfs', Name: 'outputs', Path: '/outputs' }],
    Deal: { Concurrency: 1 },
  }
  assert.ok(isLegacySpec(document))
  const task = onlyTask(accepted(parseLegacySpec(document)))
  assert.deepEqual(task.Engine, {
    Type: 'wasm',
    Params: {
      EntryModule: '/wasm/entry.wasm',
      Entrypoint: 'run',
      Parameters: ['-n', '3'],
      ImportModules: ['/wasm/imports/module_0.wasm'],
    },
  })
  assert.deepEqual(task.Env, { lower: 'case' })
  assert.deepEqual(
    task.InputSources.map(({ Source, Target }) => [Source.Type, Target]),
    [
      ['inline', '/wasm/entry.wasm'],
      ['ipfs', '/wasm/imports/module_0.wasm'],
    ],
  )
})

test('an older spec is told from a v1.9 job', () => {
  for (const document of [{ engine: 'x' }, { ENGINESPEC: {} }, { spec: {} }]) assert.ok(isLegacySpec(document))
  for (const document of [null, 'x', [], {}, { Tasks: [], Engine: 'x' }, { Job: {} }])
    assert.ok(!isLegacySpec(document))
})

describe('engines', () => {
  test('match in any case', () => assert.equal(taskOf({ Engine: 'NOOP' }).Engine.Type, 'noop'))

  test('are known ones', () => {
    const known = LEGACY_ENGINES.join(', ')
    for (const Engine of ['', null]) rejects({ Engine }, 'Engine: missing')
    rejects({ Engine: 'Dcoker' }, `Engine: 'Dcoker' is not one of ${known} (did you mean 'Docker'?)`)
    rejects({ Engine: null, EngineSpec: { Type: 'x' } }, `EngineSpec.Type: 'x' is not one of ${known}`)
    rejects({ Engine: null, EngineSpec: {} }, 'EngineSpec.Type: missing')
    assert.equal(taskOf({ Engine: null, EngineSpec: { Type: 'noop', Params: {} } }).Engine.Type, 'noop')
  })

  test('Docker has an image', () => {
    rejects({ Engine: 'Docker' }, 'Docker.Image: missing')
    rejects({ Engine: 'Docker', Docker: { Imgae: 'x' } }, "Docker: unknown field 'Imgae' (did you mean 'Image'?)")
    rejects({ Engine: null, EngineSpec: { Type: 'docker' } }, 'EngineSpec.Params.Image: missing')
    rejects(
      { Engine: null, EngineSpec: { Type: 'Docker', Params: { Image: 5 } } },
      'EngineSpec.Params.Image: expected text, got a number',
    )
  })

  test('Wasm has a module', () => {
    for (const Wasm of [null, {}, { EntryModule: null }]) rejects({ Engine: 'Wasm', Wasm }, 'Wasm.EntryModule: missing')
    rejects({ Engine: 'Wasm', Wasm: { EntryModule: {} } }, 'Wasm.EntryModule.StorageSource: missing')
    rejects(
      { Engine: 'Wasm', Wasm: { EntryModule: { CID: 'Qm' }, ImportModules: [{ StorageSource: 'Inline' }] } },
      'Wasm.ImportModules[0].URL: missing',
    )
    const { Params } = taskOf({ Engine: 'Wasm', Wasm: { EntryModule: { CID: 'Qm' } } }).Engine
    assert.equal(Params?.['Entrypoint'], '_start')
  })

  test('the environment of a Wasm job may be in lower case, as it was then, but nothing that no system can hold', () => {
    const wasm = (EnvironmentVariables: object) => ({
      Engine: 'Wasm',
      Wasm: { EntryModule: { CID: 'Qm' }, EnvironmentVariables },
    })
    assert.deepEqual(taskOf(wasm({ a: '1', _B: '' })).Env, { a: '1', _B: '' })
    const at = 'Wasm.EnvironmentVariables:'
    rejects(wasm({ 'A=B': '1' }), `${at} 'A=B' is no name of an environment variable`)
    rejects(wasm({ '': '1' }), `${at} '' is no name of an environment variable`)
    rejects(wasm({ A: '\0' }), `${at} environment variable 'A' must not contain NUL`)
    rejects(wasm({ BACALHAU_X: '1' }), `${at} environment variable 'BACALHAU_X' cannot start with BACALHAU_`)
  })

  test('that are gone say what to use', () => {
    for (const Engine of ['Language', 'pythonwasm']) {
      assert.match(refused(parse({ Engine }))[0] ?? '', /^Engine: the (Language|PythonWasm) engine is gone; use Docker/)
    }
  })
})

describe('storage', () => {
  const sourceOf = (storage: object) => taskOf({ Inputs: [{ Path: '/in', ...storage }] }).InputSources[0]?.Source
  const url = 'https://example.com/a'
  const sources: [storage: object, Type: string, Params: object][] = [
    [{ StorageSource: 'IPFS', CID: 'Qm' }, 'ipfs', { CID: 'Qm' }],
    [{ StorageSource: 'estuary', CID: 'Qm' }, 'ipfs', { CID: 'Qm' }],
    [{ StorageSource: 'urldownload', URL: url }, 'urlDownload', { URL: url }],
    [{ StorageSource: 'Inline', URL: 'data:,a' }, 'inline', { URL: 'data:,a' }],
    [{ StorageSource: 'LocalDirectory', SourcePath: '/d' }, 'local', { SourcePath: '/d', ReadWrite: false }],
    [{ SourcePath: '/d', ReadWrite: true }, 'local', { SourcePath: '/d', ReadWrite: true }],
    [{ StorageSource: 'S3', S3: { Bucket: 'b', Key: 'k', Region: 'r' } }, 's3', { Bucket: 'b', Key: 'k', Region: 'r' }],
    [{ S3: { Bucket: 'b', Key: 'k', Checksum: 'c' } }, 's3', { ChecksumSHA256: 'c', Bucket: 'b', Key: 'k' }],
    [{ CID: 'Qm' }, 'ipfs', { CID: 'Qm' }],
    [{ StorageSource: '', URL: url }, 'urlDownload', { URL: url }],
    [{ URL: 'data:,a' }, 'inline', { URL: 'data:,a' }],
  ]
  for (const [storage, Type, Params] of sources) {
    test(JSON.stringify(storage), () => assert.deepEqual(sourceOf(storage), { Type, Params }))
  }

  const broken: [storage: object, problem: string][] = [
    [{}, '.StorageSource: missing'],
    [{ StorageSource: 'IPFS' }, '.CID: missing'],
    [{ StorageSource: 'URLDownload', CID: 'Qm' }, '.URL: missing'],
    [{ StorageSource: 'Inline' }, '.URL: missing'],
    [{ StorageSource: 'LocalDirectory' }, '.SourcePath: missing'],
    [{ S3: { Key: 'k' } }, '.S3.Bucket: missing'],
    [
      { StorageSource: 'ifps' },
      `.StorageSource: 'ifps' is not one of ${LEGACY_SOURCES.join(', ')} (did you mean 'IPFS'?)`,
    ],
    [{ CDI: 'Qm' }, ": unknown field 'CDI' (did you mean 'CID'?)"],
  ]
  for (const [storage, problem] of broken) {
    test(`refused: ${JSON.stringify(storage)}`, () =>
      rejects({ Inputs: [{ Path: '/in', ...storage }] }, `Inputs[0]${problem}`))
  }

  test('every source is either translated or says that it is gone', () => {
    for (const StorageSource of LEGACY_SOURCES) {
      const storage = { StorageSource, CID: 'Qm', URL: url, SourcePath: '/d', S3: { Bucket: 'b', Key: 'k' } }
      const parsed = parse({ Inputs: [{ ...storage, Path: '/in' }] })
      if (!parsed.ok) assert.match(parsed.problems[0]?.message ?? '', /is gone; use IPFS/)
    }
  })

  test('inputs and outputs have their paths, and outputs a name', () => {
    rejects({ Inputs: [{ CID: 'Qm' }] }, 'Inputs[0].Path: missing')
    rejects({ Outputs: [{ Name: 'a' }, { Path: '/b' }] }, 'Outputs[0].Path: missing', 'Outputs[1].Name: missing')
  })
})

describe('publishers', () => {
  const publisherOf = (fields: object) => taskOf(fields).Publisher

  test('match in any case; PublisherSpec goes before Publisher, and IPFS is what is meant by nothing', () => {
    assert.deepEqual(publisherOf({}), { Type: 'ipfs' })
    assert.deepEqual(publisherOf({ Publisher: '', PublisherSpec: { Type: '' } }), { Type: 'ipfs' })
    assert.deepEqual(publisherOf({ Publisher: 'Noop' }), { Type: 'noop' })
    assert.deepEqual(publisherOf({ Publisher: 'Estuary', PublisherSpec: { Type: 'LOCAL' } }), { Type: 'local' })
    const Params = { bucket: 'b', key: 'k' }
    assert.deepEqual(publisherOf({ PublisherSpec: { Type: 's3', Params } }), { Type: 's3', Params })
  })

  test('that are gone become IPFS, with a warning', () => {
    for (const Publisher of ['Estuary', 'filecoin']) {
      const submission = accepted(parse({ Publisher, PublisherSpec: { Params: {} } }))
      assert.deepEqual(onlyTask(submission).Publisher, { Type: 'ipfs' })
      assert.match(submission.warnings.join(), /^publisher (Estuary|Filecoin) is gone; results are published to IPFS$/)
    }
  })

  test('are known ones', () => {
    const known = LEGACY_PUBLISHERS.join(', ')
    rejects({ Publisher: 'Ipsf' }, `Publisher: 'Ipsf' is not one of ${known} (did you mean 'IPFS'?)`)
    rejects({ PublisherSpec: { Type: 'ftp' } }, `PublisherSpec.Type: 'ftp' is not one of ${known}`)
  })
})

describe('deals', () => {
  test('of so many nodes', () => {
    assert.equal(specOf({}).Count, 1)
    assert.equal(specOf({ Deal: {} }).Count, 1)
    assert.equal(specOf({ Deal: { Concurrency: 7, Confidence: 7 } }).Count, 7)
    rejects({ Deal: { Concurrency: 0 } }, 'Deal.Concurrency: concurrency must be >= 1')
    rejects({ Deal: { Confidence: -1 } }, 'Deal.Confidence: confidence must be >= 0')
    rejects({ Deal: { Confidence: 2 } }, 'Deal.Confidence: the deal confidence cannot be higher than the concurrency')
  })

  test('of all nodes make an ops job', () => {
    for (const Concurrency of [0, 1]) {
      const { Type, Count } = specOf({ Deal: { TargetingMode: true, Concurrency, Confidence: 1 } })
      assert.deepEqual([Type, Count], ['ops', 0])
    }
    rejects(
      { Deal: { TargetingMode: true, Concurrency: 2 } },
      'Deal.Concurrency: must be 0 or 1 where the job runs on all nodes',
    )
  })
})

describe('what cannot be honoured is refused', () => {
  const cases: [fields: object, problem: string][] = [
    [{ Verifier: 'deterministic' }, 'Verifier: verifier Deterministic is not supported; use Noop'],
    [{ Verifier: 'Nop' }, "Verifier: 'Nop' is not one of Noop, Deterministic, External (did you mean 'Noop'?)"],
    [{ Contexts: [{ CID: 'Qm' }] }, 'Contexts: not supported; list them as Inputs'],
    [{ Sharding: { GlobPattern: '/inputs/**' } }, 'Sharding: not supported; split the work by Deal.Concurrency'],
    [{ Timeout: -1 }, 'Timeout: must be >= 0'],
    [{ Dael: {} }, "unknown field 'Dael' (did you mean 'Deal'?)"],
  ]
  for (const [fields, problem] of cases) test(problem, () => rejects(fields, problem))

  test('what has no effect is taken', () => {
    assert.ok(parse({ Verifier: '', Contexts: [], Sharding: { GlobPattern: '' }, DoNotTrack: false }).ok)
  })

  test('rules of today speak of the fields that the user wrote', () => {
    const input = { CID: 'Qm', Path: '/a' }
    rejects({ Inputs: [input, input] }, "Inputs[1]: input source with target '/a' already exists")
    rejects({ Inputs: [{ ...input, Path: 'a' }] }, "Inputs[0].Path: 'a' must be an absolute path")
    rejects({ Outputs: [{ Name: '..', Path: '/a' }] }, "Outputs[0].Name: result path name '..' cannot be a folder name")
    rejects({ Network: { Domains: ['a.b'] } }, 'Network: domains can only be set for HTTP network mode')
    rejects(
      { NodeSelectors: [{ Key: 'a', Operator: '!', Values: ['b'] }] },
      "NodeSelectors[0]: operator '!' takes no values",
    )
    const wrapped = parseLegacySpec({ Spec: { ...noop, Outputs: [{ Name: 'a', Path: 'b' }] } })
    assert.deepEqual(refused(wrapped), ["Spec.Outputs[0].Path: 'b' must be an absolute path"])
    assert.deepEqual(refused(parseLegacySpec({ Spec: {} })), ['Spec.Engine: missing'])
    assert.deepEqual(refused(parseLegacySpec({ Spec: null })), ['Spec: missing'])
  })
})

test('networks were closed where nothing was said', () => {
  for (const Network of [null, {}, { Domains: null }]) assert.equal(taskOf({ Network }).Network.Type, 'None')
  assert.deepEqual(taskOf({ Network: { Type: 'http', Domains: ['A.b'] } }).Network, { Type: 'HTTP', Domains: ['a.b'] })
})

test('timeouts were fractions of seconds, and 292 years meant none', () => {
  assert.deepEqual(taskOf({ Timeout: 0.5 }).Timeouts, { ExecutionTimeout: 1 })
  for (const Timeout of [0, null, 9_223_372_036]) assert.deepEqual(taskOf({ Timeout }).Timeouts, {})
})

test('whatever JSON comes, the answer is a job that a user could have submitted today, or problems', () => {
  const words = [...LEGACY_ENGINES, ...LEGACY_SOURCES, '', '/in', 'data:,a', '..', '\0']
  const leaf = fc.oneof(fc.constantFrom(...words), fc.string(), fc.double(), fc.boolean(), fc.constant(null))
  const storage = fc.dictionary(fc.constantFrom('StorageSource', 'cid', 'URL', 'path', 'name', 'S3'), leaf)
  const field = fc.constantFrom(
    'Inputs',
    'outputs',
    'Docker',
    'Wasm',
    'Deal',
    'Network',
    'EngineSpec',
    'Timeout',
    '__proto__',
  )
  const value = fc.oneof(
    leaf,
    fc.array(storage, { maxLength: 3 }),
    fc.dictionary(fc.string(), leaf),
    fc.jsonValue() as fc.Arbitrary<unknown>,
  )
  const document = fc.tuple(fc.constantFrom('Noop', 'docker', 'WASM', 'x'), fc.dictionary(field, value), fc.jsonValue())
  fc.assert(
    fc.property(document, ([Engine, fields, other]) => {
      assert.equal(typeof parseLegacySpec(other).ok, 'boolean')
      const parsed = parseLegacySpec({ ...fields, Engine })
      if (parsed.ok) {
        const [task] = parsed.value.spec.Tasks
        const today = { ...parsed.value.spec, Tasks: [{ ...task, Env: {} }] }
        assert.deepEqual(accepted(parseSubmission(today)).spec, today)
      } else assert.ok(parsed.problems.length > 0)
    }),
    { numRuns: 500 },
  )
})
