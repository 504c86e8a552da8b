import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { accepted, jobWith, minimalJob, refused } from '../test/samples.ts'
import { checkJob, checkTakenJob } from './job-rules.ts'
import { parseSubmission } from './submission.ts'

const rejects = (document: unknown, ...problems: string[]) =>
  assert.deepEqual(refused(parseSubmission(document)), problems)
const accepts = (document: unknown) => void accepted(parseSubmission(document))
const task = (fields: object) => jobWith(fields)

describe('a job', () => {
  test('the least there can be is accepted', () => accepts(minimalJob))

  test('has to be there', () => {
    for (const nothing of [null, undefined]) rejects(nothing, 'empty/nil job')
    rejects([], 'expected an object, got a list')
    rejects({}, 'Type: missing job type', 'Tasks: missing job tasks')
  })

  test('has a known type', () => {
    for (const Type of ['batch', 'service', 'daemon', 'ops', 'Batch', ' OPS ']) accepts({ ...minimalJob, Type })
    rejects({ ...minimalJob, Type: '' }, 'Type: missing job type')
    rejects(
      { ...minimalJob, Type: 'bacth' },
      "Type: 'bacth' is not one of batch, service, daemon, ops (did you mean 'batch'?)",
    )
  })

  test('has a count that fits its type', () => {
    for (const Count of [0, 1, 100_000, null]) accepts({ ...minimalJob, Count })
    rejects({ ...minimalJob, Count: -1 }, 'Count: job count must be >= 0')
    rejects({ ...minimalJob, Count: 0.5 }, 'Count: job count must be a whole number')
    for (const Type of ['daemon', 'ops']) {
      accepts({ ...minimalJob, Type, Count: 1 })
      rejects(
        { ...minimalJob, Type, Count: 2 },
        `Count: ${Type} jobs cannot specify count > 1 as they run on all matching nodes`,
      )
    }
  })

  test('has tasks', () => {
    for (const Tasks of [null, []]) rejects({ ...minimalJob, Tasks }, 'Tasks: missing job tasks')
    rejects({ ...minimalJob, Tasks: 'main' }, 'Tasks: expected a list, got text')
    rejects({ ...minimalJob, Tasks: [5] }, 'Tasks[0]: expected an object, got a number')
  })

  test('has names without NUL', () => {
    rejects(
      { ...minimalJob, Name: 'a\0b', Namespace: '\0' },
      'Name: must not contain NUL',
      'Namespace: must not contain NUL',
    )
    rejects(task({ Name: 'a\0b' }), 'Tasks[0].Name: must not contain NUL')
  })
})

describe('constraints', () => {
  const constrained = (constraint: object) => ({ ...minimalJob, Constraints: [constraint] })

  test('name a label and a known operator', () => {
    accepts(constrained({ Key: 'zone', Operator: 'IN', Values: ['eu'] }))
    rejects(constrained({ Key: ' ', Operator: 'exists' }), 'Constraints[0].Key: selector key cannot be blank')
    rejects(constrained({ Operator: 'exists' }), 'Constraints[0].Key: selector key cannot be blank')
    rejects(constrained({ Key: 'zone' }), 'Constraints[0].Operator: missing operator')
    rejects(
      constrained({ Key: 'zone', Operator: 'notn' }),
      "Constraints[0].Operator: 'notn' is not one of in, notin, =, ==, !=, exists, !, gt, lt (did you mean 'notin'?)",
    )
  })

  const lists = [[], ['1'], ['1', '2']]
  for (const [operators, allowed] of [
    [
      ['in', 'notin'],
      [1, 2],
    ],
    [['=', '==', '!=', 'gt', 'lt'], [1]],
    [['exists', '!'], [0]],
  ] as const) {
    test(`${operators.join(' ')} take ${allowed.join(' or ')} values`, () => {
      for (const Operator of operators) {
        for (const Values of lists) {
          const parsed = parseSubmission(constrained({ Key: 'k', Operator, Values }))
          assert.equal(
            parsed.ok,
            allowed.some((count) => count === Values.length),
            `${Operator} ${Values.length}`,
          )
        }
      }
    })
  }

  test('gt and lt compare whole numbers', () => {
    for (const value of ['1', '-1', '0042']) accepts(constrained({ Key: 'k', Operator: 'gt', Values: [value] }))
    for (const value of ['a', '1.5', '']) {
      const message = "Constraints[0]: operator 'lt' needs exactly one value, a whole number"
      rejects(constrained({ Key: 'k', Operator: 'lt', Values: [value] }), message)
    }
  })
})

describe('the name, engine and publisher of a task', () => {
  test('are there', () => {
    for (const Name of ['', ' ', null]) rejects(task({ Name }), 'Tasks[0].Name: missing task name')
    rejects(task({ Engine: null }), 'Tasks[0].Engine: missing')
    for (const Type of ['', ' '])
      rejects(task({ Engine: { Type } }), 'Tasks[0].Engine: invalid engine: missing spec type')
    for (const Publisher of [null, {}, { Type: '' }, { Type: 'anything' }]) accepts(task({ Publisher }))
  })

  test('results need a publisher', () => {
    const ResultPaths = [{ Name: 'outputs', Path: '/outputs' }]
    rejects(task({ ResultPaths }), 'Tasks[0].Publisher: publisher must be set if result paths are set')
    accepts(task({ ResultPaths, Publisher: { Type: 'ipfs' } }))
  })
})

describe('environment variables', () => {
  const names: [name: string, problem: string][] = [
    ['', 'must have a name'],
    ['foo', 'must be uppercase'],
    ['fOO', 'must be uppercase'],
    ['1A', 'must start with a letter'],
    ['_A', 'must start with a letter'],
    ['A-B', 'can only contain letters, numbers, and underscores'],
    ['A B', 'can only contain letters, numbers, and underscores'],
    ['A=B', 'can only contain letters, numbers, and underscores'],
    ['BACALHAU_JOB_ID', 'cannot start with BACALHAU_'],
  ]
  for (const [name, problem] of names) {
    test(`'${name}' ${problem}`, () =>
      rejects(task({ Env: { [name]: 'x' } }), `Tasks[0].Env: environment variable '${name}' ${problem}`))
  }

  test('have values without NUL', () => {
    rejects(task({ Env: { A: '' } }), "Tasks[0].Env: environment variable 'A' cannot have empty value")
    rejects(task({ Env: { A: '\0' } }), "Tasks[0].Env: environment variable 'A' must not contain NUL")
    rejects(task({ Env: { A: 5 } }), 'Tasks[0].Env.A: expected text, got a number')
    accepts(task({ Env: { A: 'env:HOME', A_1: ' ', BACALHAU: 'x' } }))
  })
})

describe('input sources', () => {
  const source = { Type: 'ipfs' }
  const inputs = (...InputSources: object[]) => task({ InputSources })

  test('have a source and an absolute target', () => {
    accepts(inputs({ Source: source, Target: '/inputs' }))
    rejects(inputs({ Source: source }), 'Tasks[0].InputSources[0].Target: input source is missing a target')
    rejects(inputs({ Target: '/a' }), 'Tasks[0].InputSources[0].Source: missing')
    rejects(inputs({ Source: {}, Target: '/a' }), 'Tasks[0].InputSources[0].Source: missing spec type')
    const bad: Record<string, string> = {
      inputs: "'inputs' must be an absolute path",
      '/a/../b': "'/a/../b' must not contain '..'",
      '/a\0': 'must not contain NUL',
    }
    for (const [Target, message] of Object.entries(bad)) {
      rejects(inputs({ Source: source, Target }), `Tasks[0].InputSources[0].Target: ${message}`)
    }
    accepts(inputs({ Source: source, Target: '/a..b/...' }))
  })

  test('do not share an alias or a target', () => {
    const at = (Target: string, Alias = '') => ({ Source: source, Target, Alias })
    accepts(inputs(at('/a'), at('/b'), at('/a/b')))
    rejects(
      inputs(at('/a', 'x'), at('/b', ' x ')),
      "Tasks[0].InputSources[1]: input source with alias 'x' already exists",
    )
    for (const same of ['/a', '/a/', '//a']) {
      rejects(inputs(at('/a'), at(same)), `Tasks[0].InputSources[1]: input source with target '${same}' already exists`)
    }
  })
})

describe('result paths', () => {
  const results = (...ResultPaths: object[]) => task({ ResultPaths, Publisher: { Type: 'ipfs' } })

  test('have a name and an absolute path', () => {
    rejects(results({ Path: '/a' }), 'Tasks[0].ResultPaths[0].Name: missing name')
    rejects(results({ Name: 'a' }), 'Tasks[0].ResultPaths[0].Path: missing path')
    rejects(results({ Name: 'a', Path: 'a' }), "Tasks[0].ResultPaths[0].Path: 'a' must be an absolute path")
    rejects(results({ Name: 'a', Path: '/../a' }), "Tasks[0].ResultPaths[0].Path: '/../a' must not contain '..'")
  })

  test('have names that can be a folder beside stdout, stderr and exitCode', () => {
    for (const Name of ['.', '..', 'a/b', 'a\\b', 'a\0b', 'stdout', 'stderr', 'exitCode']) {
      rejects(
        results({ Name, Path: '/a' }),
        `Tasks[0].ResultPaths[0].Name: result path name '${Name}' cannot be a folder name`,
      )
    }
    for (const Name of ['...', 'a.b', 'exit code', 'ä']) accepts(results({ Name, Path: '/a' }))
  })

  test('do not share a name or a path', () => {
    rejects(
      results({ Name: 'a', Path: '/a' }, { Name: 'a', Path: '/a/' }),
      "Tasks[0].ResultPaths[1]: result path with name 'a' already exists",
      "Tasks[0].ResultPaths[1]: result path '/a/' already exists",
    )
  })
})

describe('timeouts', () => {
  test('are whole seconds of 0 or more', () => {
    for (const [field, name] of [
      ['ExecutionTimeout', 'execution'],
      ['QueueTimeout', 'queue'],
      ['TotalTimeout', 'total'],
    ] as const) {
      const bad: [value: unknown, problem: string][] = [
        [-1, 'must be >= 0'],
        [1.5, 'expected whole seconds'],
        ['60', 'expected whole seconds'],
        [31_536_001, 'more than a year'],
      ]
      for (const [value, problem] of bad) {
        rejects(
          task({ Timeouts: { [field]: value } }),
          `Tasks[0].Timeouts.${field}: invalid ${name} timeout value: ${problem}`,
        )
      }
      accepts(task({ Timeouts: { [field]: 0 } }))
    }
  })

  test('the total bounds the sum of the others, when there is a total', () => {
    const timeouts = (execution: number, queue: number, total: number) =>
      task({ Timeouts: { ExecutionTimeout: execution, QueueTimeout: queue, TotalTimeout: total } })
    accepts(timeouts(60, 30, 90))
    accepts(timeouts(60, 30, 0))
    rejects(
      timeouts(60, 31, 90),
      'Tasks[0].Timeouts: execution timeout 60s and queue timeout 31s should be less than total timeout 90s',
    )
  })
})

test('every problem is told at once, each with its place', () => {
  const document = task({ Env: { a: '1' }, ResultPaths: [{ Name: '..', Path: '/a' }], Network: { Domains: ['a.b'] } })
  rejects(
    document,
    'Tasks[0].Publisher: publisher must be set if result paths are set',
    "Tasks[0].Env: environment variable 'a' must be uppercase",
    "Tasks[0].ResultPaths[0].Name: result path name '..' cannot be a folder name",
    'Tasks[0].Network: domains can only be set for HTTP network mode',
  )
})

test('no path that is accepted leaves the world of the job, and no result name its folder', () => {
  const part = fc.constantFrom('/', '..', '.', 'a', ' ', '\0', '\\', '//')
  const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(path, path, (Name, Path) => {
      const parsed = parseSubmission(jobWith({ ResultPaths: [{ Name, Path }], Publisher: { Type: 'ipfs' } }))
      if (!parsed.ok) return
      const [result] = parsed.value.spec.Tasks[0]?.ResultPaths ?? []
      assert.ok(result !== undefined && result.Path.startsWith('/') && !result.Path.split('/').includes('..'))
      assert.ok(!/[/\\\0]/.test(result.Name) && !['', '.', '..'].includes(result.Name))
    }),
    { numRuns: 500 },
  )
})

test('a job that has been taken may have variables as older releases named them, and nothing worse', () => {
  const { spec } = accepted(parseSubmission(minimalJob))
  const withEnv = (Env: Record<string, string>) => ({ ...spec, Tasks: spec.Tasks.map((each) => ({ ...each, Env })) })
  assert.deepEqual(checkTakenJob(withEnv({ lower: 'case', A: '' })), [])
  assert.equal(checkJob(withEnv({ lower: 'case', A: '' })).length, 2)
  for (const name of ['', 'a=b', 'a\0', 'BACALHAU_X']) assert.equal(checkTakenJob(withEnv({ [name]: 'x' })).length, 1)
  assert.equal(checkTakenJob({ ...withEnv({}), Name: 'a\0' }).length, 1)
})
