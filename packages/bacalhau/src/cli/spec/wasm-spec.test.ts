import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSubmission } from '@bacalhau/models'
import { wasmRunFlags } from '../catalogue/running.ts'
import { parseLine, readFlags } from '../parse-flags.ts'
import { outputFormat, parseEnv, parsePublisher, parseResultPath } from './job-of-flags.ts'
import { wasmSpec } from './wasm-spec.ts'

const CID = 'QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u'

/** The job of a command line `wasm run …`. */
async function specOf(argv: string[], env: Record<string, string> = {}) {
  const line = await parseLine(argv, wasmRunFlags)
  return wasmSpec(line.args, readFlags(wasmRunFlags, line), env)
}

describe('wasm run', () => {
  test('a module alone makes a valid job with results in IPFS', async () => {
    const spec = await specOf(['app.wasm'])
    const parsed = parseSubmission(spec)
    assert.deepEqual(parsed.ok && parsed.value, { spec, warnings: [] })
    const [task] = spec.Tasks
    assert.deepEqual(task?.Engine, {
      Type: 'wasm',
      Params: { EntryModule: '/wasm/entry.wasm', Entrypoint: '_start', Parameters: [], ImportModules: [] },
    })
    assert.deepEqual(task?.InputSources, [
      { Source: { Type: 'file', Params: { Path: 'app.wasm' } }, Alias: '', Target: '/wasm/entry.wasm' },
    ])
    assert.deepEqual(task?.ResultPaths, [{ Name: 'outputs', Path: '/outputs' }])
    assert.deepEqual(task?.Publisher, { Type: 'ipfs' })
  })

  test('every flag has its place', async () => {
    const argv =
      `${CID} -i ./a:/in -i ipfs://${CID}:/more -o res:/res -o log:/log -e A=1 -I ./lib/math.wasm -I x.wasm:/y/z.wasm ` +
      '--entry-point main --cpu 2 --memory 1GB --disk 2GB --timeout 9 --count 3 --name n --namespace ns --priority -4 ' +
      '-l k=v -p local -- --steps 5'
    const spec = await specOf(argv.split(' '))
    assert.ok(parseSubmission(spec).ok)
    const [task] = spec.Tasks
    assert.deepEqual(
      [spec.Name, spec.Namespace, spec.Priority, spec.Count, spec.Labels],
      ['n', 'ns', -4, 3, { k: 'v' }],
    )
    assert.deepEqual(task?.Engine.Params, {
      EntryModule: '/wasm/entry.wasm',
      Entrypoint: 'main',
      Parameters: ['--steps', '5'],
      ImportModules: ['/wasm/imports/math.wasm', '/y/z.wasm'],
    })
    assert.deepEqual(
      task?.InputSources.map(({ Source, Target }) => [Source.Type, Target]),
      [
        ['ipfs', '/wasm/entry.wasm'],
        ['file', '/wasm/imports/math.wasm'],
        ['file', '/y/z.wasm'],
        ['file', '/in'],
        ['ipfs', '/more'],
      ],
    )
    assert.deepEqual(task?.ResultPaths, [
      { Name: 'res', Path: '/res' },
      { Name: 'log', Path: '/log' },
    ])
    assert.deepEqual(task?.Env, { A: '1' })
    assert.deepEqual(task?.Resources, { CPU: '2', Memory: '1GB', Disk: '2GB' })
    assert.deepEqual([task?.Timeouts, task?.Publisher], [{ TotalTimeout: 9 }, { Type: 'local' }])
  })

  test('without a publisher there are no results', async () => {
    const [task] = (await specOf(['a.wasm', '-p', 'none'])).Tasks
    assert.deepEqual([task?.Publisher, task?.ResultPaths], [{ Type: '' }, []])
    await assert.rejects(specOf(['a.wasm', '-p', 'none', '-o', 'a:/a']), { code: 'InvalidFlag' })
  })
})

describe('--output means two things', () => {
  test('a word is the format, NAME:PATH a result', () => {
    assert.equal(outputFormat(['a:/a', 'json', 'b:/b']), 'json')
    assert.equal(outputFormat(['a:/a']), undefined)
    assert.deepEqual(parseResultPath('a:/b:c'), { Name: 'a', Path: '/b:c' })
    assert.equal(parseResultPath('yaml'), undefined)
    for (const wrong of ['', 'a', ':/a', 'a:b', 'jsn']) {
      assert.throws(() => parseResultPath(wrong), { code: 'InvalidFlag', message: /NAME:\/PATH/ })
    }
  })
})

describe('environment', () => {
  test('values are given or passed on', () => {
    const env = { HOME: '/home', EMPTY: '' }
    assert.deepEqual(parseEnv(['A=1=2', 'B=', 'HOME', 'EMPTY'], env), { A: '1=2', B: '', HOME: '/home', EMPTY: '' })
    assert.throws(() => parseEnv(['NOPE'], env), { code: 'InvalidFlag', message: /NOPE has no value here/ })
    assert.throws(() => parseEnv(['=x'], env), { code: 'InvalidFlag' })
  })
})

describe('publisher', () => {
  test('kinds', () => {
    assert.deepEqual(parsePublisher('IPFS'), { Type: 'ipfs' })
    assert.deepEqual(parsePublisher('s3://b/k/,opt=region=eu'), {
      Type: 's3',
      Params: { Bucket: 'b', Key: 'k/', Region: 'eu' },
    })
    assert.throws(() => parsePublisher('floppy'), { code: 'InvalidFlag', message: /'floppy' is none of/ })
  })
})
