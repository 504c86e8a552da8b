// What each listing prints in each form, against a real API whose orchestrator holds what the test says.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { Job, NodeState } from '@bacalhau/models'
import { parse } from 'yaml'
import { nodeInfo, PEER_ID, temporaryApi } from '../../api/testing/api.ts'
import { executionOf } from '../../api/testing/execution.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'

/** A minute after the first moment of the records. */
const NOW = 1_700_000_060_000
const BEGIN = 1_700_000_000_000_000_000
const ID = 'j-00000001-0000-4000-8000-000000000000'

const node: NodeState = {
  Info: {
    ...nodeInfo,
    Labels: { zone: 'eu', os_type: 'linux' },
    ComputeNodeInfo: {
      ...nodeInfo.ComputeNodeInfo,
      MaxCapacity: { CPU: 4, Memory: 8e9, Disk: 1e12, GPU: 0 },
      AvailableCapacity: { CPU: 3.5, Memory: 4e9, Disk: 1e12, GPU: 0 },
      RunningExecutions: 1,
    },
  },
  Membership: 'APPROVED',
  Connection: 'CONNECTED',
  Reach: 'relayed',
  Protocol: 'bacalhau-link/v3',
  ConnectionState: {
    Status: 'CONNECTED',
    LastHeartbeat: '2023-11-14T22:13:00Z',
    ConnectedSince: '2023-11-14T22:13:00Z',
    DisconnectedSince: '0001-01-01T00:00:00Z',
    LastError: '',
  },
}

/** A node with one job that has run, and the program pointed at it. */
async function createWorld(context: TestContext) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const { orchestrator } = api
  orchestrator.nodeStates = [node]
  orchestrator.onSubmit = (job) => {
    Object.assign(job, { CreateTime: BEGIN, ModifyTime: BEGIN + 5e9 } satisfies Partial<Job>)
    orchestrator.addExecution(
      executionOf(job.ID, 'e-12345678-90', 'Completed', {
        NodeID: PEER_ID,
        CreateTime: BEGIN,
        ModifyTime: BEGIN + 5e9,
        PublishedResult: { Type: 'ipfs', Params: { CID: 'QmResult' } },
        RunOutput: {
          Stdout: 'hi\n',
          StdoutTruncated: false,
          stderr: '',
          StderrTruncated: false,
          ExitCode: 3,
          ErrorMsg: '',
        },
      }),
    )
    orchestrator.event(job.ID, 'Running, at last', 'e-12345678-90')
    orchestrator.become(job.ID, 'Completed')
  }
  const env = {
    BACALHAU_API_HOST: '127.0.0.1',
    BACALHAU_API_PORT: String(api.port),
    BACALHAU_PATH: path.join(folder, 'data'),
  }
  const run = async (line: string, { input = '', terminal }: { input?: string; terminal?: number } = {}) => {
    // An hour passes at once.
    const after: Clock['after'] = (delay, action) => systemClock.after(delay >= 3_600_000 ? 0 : delay, action)
    const clock = { ...systemClock, now: () => NOW, after }
    const io = recordedIo({ input, env, cwd: folder, clock, ...(terminal === undefined ? {} : { terminal }) })
    const code = await runProgram(line.split(' '), io, new AbortController().signal)
    return { code, out: io.outText(), err: io.errText() }
  }
  const spec = 'Name: "say, hi"\nType: batch\nLabels: {team: a}\nTasks: [{Name: main, Engine: {Type: noop}}]\n'
  assert.equal((await run('job run --wait=false --id-only', { input: spec })).out, `${ID}\n`)
  return { ...api, folder, run }
}

type World = Awaited<ReturnType<typeof createWorld>>

interface Golden {
  readonly command: string
  readonly table: string
  readonly csv: string
  readonly wide: string
  /** One object for programs instead of a list. */
  readonly single?: true
}

const LISTINGS: readonly Golden[] = [
  {
    command: 'job list',
    table: `CREATED  ID          NAME     JOB   TYPE   STATE
1m ago   j-00000001  say, hi  noop  batch  Completed
`,
    csv: `CREATED,ID,NAME,JOB,TYPE,STATE
2023-11-14 22:13:20,${ID},"say, hi",noop,batch,Completed
`,
    wide: `CREATED              ID                                      NAME     JOB   TYPE   STATE      NAMESPACE  LABELS
2023-11-14 22:13:20  ${ID}  say, hi  noop  batch  Completed  default    team=a
`,
  },
  {
    command: 'job executions j-0',
    table: `CREATED  MODIFIED  ID          JOB VERSION  NODE ID     REV.  STATE      DESIRED
1m ago   55s ago   e-12345678  1            QmdZQ7Zbhn  1     Completed  Running
`,
    csv: `CREATED,MODIFIED,ID,JOB VERSION,NODE ID,REV.,STATE,DESIRED
2023-11-14 22:13:20,2023-11-14 22:13:25,e-12345678-90,1,${PEER_ID},1,Completed,Running
`,
    wide: `CREATED              MODIFIED             ID             JOB VERSION  NODE ID                                         REV.  STATE      DESIRED  PART  EXIT  RESULT
2023-11-14 22:13:20  2023-11-14 22:13:25  e-12345678-90  1            ${PEER_ID}  1     Completed  Running  0     3     QmResult
`,
  },
  {
    command: 'job history j-0',
    table: `TIME                 LEVEL           JOB VERSION  EXEC. ID    TOPIC  EVENT
2023-11-14 22:13:20  JobLevel        1                        Test   Job submitted
2023-11-14 22:13:21  ExecutionLevel  1            e-12345678  Test   Running, at last
2023-11-14 22:13:22  JobLevel        1                        Test   Completed
`,
    csv: `TIME,LEVEL,JOB VERSION,EXEC. ID,TOPIC,EVENT
2023-11-14 22:13:20,JobLevel,1,,Test,Job submitted
2023-11-14 22:13:21,ExecutionLevel,1,e-12345678-90,Test,"Running, at last"
2023-11-14 22:13:22,JobLevel,1,,Test,Completed
`,
    wide: `TIME                 LEVEL           JOB VERSION  EXEC. ID       TOPIC  EVENT
2023-11-14 22:13:20  JobLevel        1                           Test   Job submitted
2023-11-14 22:13:21  ExecutionLevel  1            e-12345678-90  Test   Running, at last
2023-11-14 22:13:22  JobLevel        1                           Test   Completed
`,
  },
  {
    command: 'job versions j-0',
    table: `CREATED AT           JOB VERSION  STATE
2023-11-14 22:13:25  1            Completed
`,
    csv: `CREATED AT,JOB VERSION,STATE
2023-11-14 22:13:25,1,Completed
`,
    wide: `CREATED AT           JOB VERSION  STATE      REASON
2023-11-14 22:13:25  1            Completed
`,
  },
  {
    command: 'node list',
    table: `ID          TYPE     APPROVAL  STATUS     LABELS                 CPU      MEMORY       DISK         GPU  RUNNING
QmdZQ7Zbhn  Compute  APPROVED  CONNECTED  os_type=linux,zone=eu  3.5 / 4  4 GB / 8 GB  1 TB / 1 TB  -    1
`,
    csv: `ID,TYPE,APPROVAL,STATUS,LABELS,CPU,MEMORY,DISK,GPU,RUNNING
${PEER_ID},Compute,APPROVED,CONNECTED,"os_type=linux,zone=eu",3.5 / 4,4 GB / 8 GB,1 TB / 1 TB,-,1
`,
    wide: `ID                                              TYPE     APPROVAL  STATUS     REACH    PROTOCOL          LABELS                 CPU      MEMORY       DISK         GPU  RUNNING
${PEER_ID}  Compute  APPROVED  CONNECTED  relayed  bacalhau-link/v3  os_type=linux,zone=eu  3.5 / 4  4 GB / 8 GB  1 TB / 1 TB  -    1
`,
  },
  {
    command: 'node list --show version,features',
    table: `ID          TYPE     APPROVAL  STATUS     VERSION  ENGINES  INPUTS FROM  OUTPUTS
QmdZQ7Zbhn  Compute  APPROVED  CONNECTED  v0.1.0   wasm     ipfs,inline  ipfs
`,
    csv: `ID,TYPE,APPROVAL,STATUS,VERSION,ENGINES,INPUTS FROM,OUTPUTS
${PEER_ID},Compute,APPROVED,CONNECTED,v0.1.0,wasm,"ipfs,inline",ipfs
`,
    wide: `ID                                              TYPE     APPROVAL  STATUS     REACH    PROTOCOL          VERSION  ENGINES  INPUTS FROM  OUTPUTS
${PEER_ID}  Compute  APPROVED  CONNECTED  relayed  bacalhau-link/v3  v0.1.0   wasm     ipfs,inline  ipfs
`,
  },
  {
    command: 'version',
    table: 'CLIENT  SERVER\nv0.1.0  v0.1.0\n',
    csv: 'CLIENT,SERVER\nv0.1.0,v0.1.0\n',
    wide: 'CLIENT  SERVER\nv0.1.0  v0.1.0\n',
    single: true,
  },
]

/** What every form of a listing has to be. */
async function check({ run }: World, { command, table, csv, wide, single }: Golden): Promise<void> {
  const print = async (flags: string, terminal?: number) => {
    const { code, out, err } = await run(`${command} ${flags}`, terminal === undefined ? {} : { terminal })
    assert.deepEqual([code, err], [0, ''], `${command} ${flags}`)
    return out
  }
  const withoutHeader = (text: string) => text.replace(/^.*\n/, '')
  assert.equal(await print('--output table'), table)
  assert.equal(await print('--no-style', 80), table)
  const [header = ''] = table.split('\n')
  const bare = await print('--hide-header')
  for (const cell of withoutHeader(table)
    .trim()
    .split(/ {2,}|\n/))
    assert.ok(bare.includes(cell), cell)
  assert.ok(!bare.includes(header))
  assert.equal(await print('--output csv'), csv)
  assert.equal(await print('--output csv --hide-header'), withoutHeader(csv))
  assert.equal(await print('--wide'), wide)
  const json = await print('--output json')
  assert.match(json, /^[^\n]+\n$/)
  const value: unknown = JSON.parse(json)
  assert.equal(Array.isArray(value), single !== true)
  assert.equal(await print('--output json --pretty'), `${JSON.stringify(value, undefined, 2)}\n`)
  assert.deepEqual(parse(await print('--output yaml')), value)
}

describe('listings', () => {
  for (const golden of LISTINGS) {
    test(golden.command, async (context) => check(await createWorld(context), golden))
  }

  test('of nothing are empty for programs, and say so to people', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.nodeStates = []
    assert.match((await run('node list')).out, /^No nodes yet\./)
    assert.equal((await run('node list --hide-header')).out, '')
    assert.equal((await run('node list --output json')).out, '[]\n')
    assert.match((await run('node list --output csv')).out, /^ID,TYPE,[^\n]*\n$/)
  })

  test('ask the node for what the flags say', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run('job list')
    await run('job list --order-by created_at --labels team=a --labels x!=y --limit 3 --namespace other')
    await run('job list --order-reversed --order-by modified_at')
    await run('job list --oldest')
    const asked = orchestrator.queries.slice(-4)
    assert.deepEqual(
      asked.map(({ reverse = false, limit }) => [reverse, limit]),
      [
        [true, 10],
        [false, 3],
        [true, 10],
        [false, 10],
      ],
    )
    assert.equal(asked[1]?.namespace, 'other')
    assert.match((await run('node list --show colour')).err, /^Error: --show: 'colour' is none of labels, version/)
    assert.match((await run('job list --labels ,')).err, /^Error: /)
  })
})

describe('single objects', () => {
  test('are YAML, or JSON in one line', async (context) => {
    const { run } = await createWorld(context)
    assert.equal((await run('agent alive')).out, 'Status: OK\n')
    assert.equal((await run('agent alive --output json')).out, '{"Status":"OK"}\n')
    const { out } = await run('node describe Qm')
    assert.deepEqual(parse(out), node)
    assert.deepEqual(JSON.parse((await run('node describe Qm --output json')).out), node)
    assert.match((await run('agent node')).out, new RegExp(`^NodeID: ${PEER_ID}$`, 'm'))
  })

  test('agent version has three lines for people', async (context) => {
    const { run } = await createWorld(context)
    assert.equal((await run('agent version')).out, 'Bacalhau v0.1.0\nBuildDate 2026-01-01T00:00:00Z\nGitCommit abc\n')
    assert.equal((JSON.parse((await run('agent version --output json')).out) as { GOOS: string }).GOOS, 'linux')
  })

  test('version has two of them, or one where no node answers', async (context) => {
    const { run, stop } = await createWorld(context)
    const json = JSON.parse((await run('version --output json')).out) as Record<string, { GitVersion: string }>
    assert.deepEqual([json['clientVersion']?.GitVersion, json['serverVersion']?.GitVersion], ['v0.1.0', 'v0.1.0'])
    await stop()
    const { code, out, err } = await run('version')
    assert.deepEqual([code, out], [0, 'CLIENT  SERVER\nv0.1.0\n'])
    assert.match(err, /^Warning: no answer at http:\/\/127\.0\.0\.1:\d+$/m)
    assert.deepEqual(await run('version --client'), { code: 0, out: 'CLIENT\nv0.1.0\n', err: '' })
  })

  test('job describe has a header of equations and sections', async (context) => {
    const { run } = await createWorld(context)
    assert.equal(
      (await run('job describe j-0')).out,
      `ID            = ${ID}
Name          = say, hi
Namespace     = default
Type          = batch
State         = Completed
Message       =
Count         = 1
Engine        = noop
Publisher     = none
Labels        = team=a
Created Time  = 2023-11-14 22:13:20 UTC (1m ago)
Modified Time = 2023-11-14 22:13:25 UTC (55s ago)
Version       = 1

Summary
Completed = 1

Job History
TIME                 TOPIC  EVENT
2023-11-14 22:13:20  Test   Job submitted
2023-11-14 22:13:22  Test   Completed

Executions
ID          NODE ID     STATE      DESIRED  REV.  CREATED  MODIFIED  EXIT  COMMENT
e-12345678  QmdZQ7Zbhn  Completed  Running  1     1m ago   55s ago   3     QmResult

Execution e-12345678 History
TIME                 TOPIC  EVENT
2023-11-14 22:13:21  Test   Running, at last

Standard Output
hi
`,
    )
  })
})

describe('stopping', () => {
  test('says which evaluation; a job that has ended cannot be stopped', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = () => {}
    const spec = 'Name: b\nType: batch\nTasks: [{Name: main, Engine: {Type: noop}}]\n'
    await run('job run --wait=false', { input: spec })
    assert.match((await run('job stop b')).out, /^Job stop successfully submitted with evaluation ID: \S*\n$/)
    const { code, err } = await run('job stop b')
    assert.deepEqual([code, err.split('\n')[0]], [1, 'Error: Job is already in a terminal state.'])
    assert.equal(orchestrator.stopped.length, 1)
  })
})

describe('specs', () => {
  const spec = 'Name: x-{{.who}}\nType: batch\nCount: 2\nTasks: [{Name: main, Engine: {Type: noop}}]\n'

  test('job validate says OK, or what is wrong', async (context) => {
    const { run, folder } = await createWorld(context)
    await writeFile(path.join(folder, 'good.yaml'), spec)
    await writeFile(path.join(folder, 'bad.yaml'), 'Type: batch\nTasks: [{}]\n')
    assert.deepEqual(await run('job validate good.yaml'), { code: 0, out: 'OK\n', err: '' })
    const bad = await run('validate bad.yaml')
    assert.deepEqual([bad.code, bad.out], [1, ''])
    assert.match(bad.err, /line 2: Tasks\[0\]/)
  })

  test('are templates, unless somebody says otherwise', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    await run('job run --wait=false -V who=me', { input: spec })
    assert.equal(orchestrator.submissions.at(-1)?.spec.Name, 'x-me')
    await run('job run --wait=false --no-template', { input: spec })
    assert.equal(orchestrator.submissions.at(-1)?.spec.Name, 'x-{{.who}}')
    const { err } = await run('job run --wait=false', { input: spec })
    assert.equal(
      err,
      'Error: standard input line 1: no value for {{.who}}\nHint:  Give it one: --template-vars who=VALUE.\n',
    )
  })

  test('--dry-run compares with the job of that name, or prints the spec', async (context) => {
    const { run, stop, orchestrator } = await createWorld(context)
    const dry = (who: string, ...flags: string[]) =>
      run(['job run --dry-run -V', `who=${who}`, ...flags].join(' '), { input: spec })
    assert.match((await dry('new')).out, /^Name: x-new\nNamespace: default\n/)
    await run('job run --wait=false -V who=old', { input: spec.replace('Count: 2', 'Count: 1') })
    const before = orchestrator.submissions.length
    assert.deepEqual(await dry('old'), { code: 0, out: '- Count: 1\n+ Count: 2\n', err: '' })
    assert.equal((JSON.parse((await dry('old', '--output', 'json')).out) as Job).Count, 2)
    assert.equal(orchestrator.submissions.length, before)
    await stop()
    const offline = await dry('old')
    assert.equal(offline.code, 0)
    assert.match(offline.out, /^Name: x-old\n/)
    assert.match(offline.err, /^Error: server is not running[^\n]*\nWarning: falling back to offline mode\.\.\.\n$/)
  })

  test('docker run sends what official clients send', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    const line =
      'docker run --wait=false -w /work --entrypoint /bin/sh,-e -e A=1 --target all -s zone=eu --network http --domain a.org --gpu 1 ubuntu -- -c ls'
    assert.equal((await run(line)).code, 0)
    const sent = orchestrator.submissions.at(-1)?.spec
    assert.deepEqual([sent?.Type, sent?.Count], ['ops', 0])
    assert.deepEqual(sent?.Constraints, [{ Key: 'zone', Operator: '=', Values: ['eu'] }])
    const [task] = sent?.Tasks ?? []
    assert.deepEqual(task?.Engine, {
      Type: 'docker',
      Params: {
        Image: 'ubuntu',
        Entrypoint: ['/bin/sh', '-e'],
        Parameters: ['-c', 'ls'],
        EnvironmentVariables: null,
        WorkingDirectory: '/work',
      },
    })
    assert.deepEqual(
      [task?.Network, task?.Env, task?.Resources.GPU],
      [{ Type: 'HTTP', Domains: ['a.org'] }, { A: '1' }, '1'],
    )
    for (const wrong of ['-w here', '--count 2 --target all', '--constraints a=b=c', '-p floppy', '--network moon']) {
      const { code, err } = await run(`docker run --wait=false ubuntu ${wrong}`)
      assert.deepEqual([code, /^Error: .*\nHint: /.test(err)], [1, true], `${wrong}: ${err}`)
    }
  })
})

describe('waiting', () => {
  const spec = 'Type: batch\nTasks: [{Name: main, Engine: {Type: noop}}]\n'

  test('--exit-code passes on that of the job, --node-details lists where it ran', async (context) => {
    const { run } = await createWorld(context)
    const { code, out } = await run('job run --exit-code --node-details', { input: spec })
    assert.equal(code, 3)
    assert.match(out, /^CREATED +MODIFIED +ID +JOB VERSION +NODE ID/m)
    assert.equal((await run('job run', { input: spec })).code, 0)
  })

  test('--wait-timeout-secs gives up waiting, not the job', async (context) => {
    const { run, orchestrator } = await createWorld(context)
    orchestrator.onSubmit = () => {}
    const { code, err } = await run('job run --wait-timeout-secs 3600', { input: spec })
    assert.equal(code, 1)
    assert.match(err, /^Progress tracking timed out after 1h\. The job is still running\.$/m)
    assert.deepEqual(orchestrator.stopped, [])
  })
})

describe('config', () => {
  test('is set, got and listed with its sources', async (context) => {
    const { run, folder } = await createWorld(context)
    const file = path.join(folder, 'data', 'config.yaml')
    const set = await run('config set swarm.port=77 Labels=zone=eu,rack=2')
    assert.deepEqual(set, { code: 0, out: `Writing config to ${file}\n`, err: '' })
    assert.equal(await readFile(file, 'utf8'), 'Swarm:\n  Port: 77\nLabels:\n  zone: eu\n  rack: "2"\n')
    assert.equal((await run('config get Swarm.Port')).out, '77\n')
    assert.equal((await run('config get labels -c Labels=a=b')).out, 'a=b\n')
    assert.match((await run('config list')).out, /^Swarm\.Port +77 +\S+config\.yaml line 2$/m)
    assert.match((await run('config list --output csv')).out, /^KEY,VALUE,SOURCE\n[^]*^Labels,"zone=eu,rack=2",/m)
    const rows = JSON.parse((await run('config list --output json')).out) as Record<string, unknown>[]
    assert.deepEqual(
      rows.find(({ Key }) => Key === 'Swarm.Port'),
      { Key: 'Swarm.Port', Value: 77, Source: `${file} line 2`, Description: 'Port that libp2p listens on.' },
    )
    const tree = parse((await run('config list --output yaml')).out) as { Swarm: { Port: number } }
    assert.equal(tree.Swarm.Port, 77)
    await run('config set Swarm.JoinToken=hush')
    for (const format of ['table', 'csv', 'json', 'yaml']) {
      assert.doesNotMatch((await run(`config list --output ${format}`)).out, /hush/)
    }
    assert.equal((await run('config get Swarm.JoinToken')).out, '********\n')
  })

  test('is set in the file that --config names, and in the old way', async (context) => {
    const { run, folder } = await createWorld(context)
    await run('config set -c mine.yaml Engines.Disabled wasm noop')
    assert.equal(
      await readFile(path.join(folder, 'mine.yaml'), 'utf8'),
      'Engines:\n  Disabled:\n    - wasm\n    - noop\n',
    )
    await mkdir(path.join(folder, 'data'), { recursive: true })
    await writeFile(path.join(folder, 'data', 'config.yaml'), 'Swarm: {Port: 99999}\n')
    assert.match((await run('config list')).err, /config\.yaml line 1: Swarm\.Port must be a port/)
    // What is wrong in the file can be set right.
    assert.equal((await run('config set Swarm.Port=5')).code, 0)
    assert.equal((await run('config get Swarm.Port')).out, '5\n')
  })

  test('mistakes are told with what to do', async (context) => {
    const { run } = await createWorld(context)
    const cases: readonly [line: string, error: RegExp][] = [
      [
        'config set Swarm.Prot=5',
        /no matching config key\. Run 'bacalhau config list'.*\nHint: {2}Did you mean Swarm\.Port\?/,
      ],
      ['config set Swarm.Port=many', /Swarm\.Port must be a port from 0 to 65535/],
      ['config set Swarm.Port', /is not of the form KEY=VALUE/],
      ['config get nope', /no matching config key/],
      ['config set -c API.Port=5 Swarm.Port=5', /is no YAML file/],
      ['job list -c API.Port=5 --api-port 5', /^Error: flag: --api-port and config flag key "API\.Port" cannot both/],
    ]
    for (const [line, error] of cases) {
      const { code, err } = await run(line)
      assert.deepEqual([code, error.test(err)], [1, true], `${line}: ${err}`)
    }
  })
})
