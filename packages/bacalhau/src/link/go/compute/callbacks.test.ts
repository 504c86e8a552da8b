import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { encodeGo } from '../wire/go-json.ts'
import { onComputeFailureSchema, onRunCompleteSchema } from '../wire/messages.ts'
import { onPublishCompleteSchema } from '../wire/messages-b.ts'
import { type About, bid, completed, failure, published, resultOf, storageOf, wordsOf } from './callbacks.ts'

const about = (generation: 'b' | 'c'): About => ({
  executionId: 'e-1',
  taken: { requester: 'QmR', jobId: 'j-1', generation },
  self: 'QmC',
})
const text = ({ message }: { readonly message: object }) => encodeGo(message).toString()
const HEAD = '"SourcePeerID":"QmC","TargetPeerID":"QmR","ExecutionID":"e-1","JobID":"j-1"'
const report = (result: SpecConfig) => ({ type: 'completed', executionId: 'e-1', output: null, result }) as const

describe('callbacks', () => {
  test('a bid, and none', () => {
    assert.equal(text(bid(about('c'), undefined)), `{${HEAD},"Accepted":true,"Reason":""}`)
    assert.equal(text(bid(about('c'), 'a < b')), `{${HEAD},"Accepted":false,"Reason":"a \\u003c b"}`)
    assert.equal(text(failure(about('c'), 'x')), `{${HEAD},"Err":"x"}`)
  })

  test('a run without output of its own has an empty one', () => {
    const c = '{"Stdout":"","StdoutTruncated":false,"stderr":"","StderrTruncated":false,"ExitCode":0,"ErrorMsg":""}'
    assert.equal(
      text(completed(about('c'), report({ Type: '' }))),
      `{${HEAD},"PublishResult":{"Type":""},"RunCommandResult":${c}}`,
    )
    const b = '{"stdout":"","stdouttruncated":false,"stderr":"","stderrtruncated":false,"exitCode":0,"runnerError":""}'
    assert.equal(
      text(completed(about('b'), report({ Type: 'ipfs', Params: { CID: 'Qm' } }))),
      `{${HEAD},"ResultProposal":"","RunCommandResult":${b}}`,
    )
  })

  const results: [result: SpecConfig, c: object, b: object][] = [
    [
      { Type: 'ipfs', Params: { CID: 'bafy' } },
      { Type: 'ipfs', Params: { CID: 'bafy' } },
      { StorageSource: 'IPFS', Name: 'ipfs://bafy', CID: 'bafy' },
    ],
    [
      { Type: 'urlDownload', Params: { URL: 'http://h:6001/e-1.tgz' } },
      { Type: 'urlDownload', Params: { URL: 'http://h:6001/e-1.tgz' } },
      { StorageSource: 'URLDownload', Name: 'http://h:6001/e-1.tgz', URL: 'http://h:6001/e-1.tgz' },
    ],
    [
      { Type: 's3', Params: { Bucket: 'b', Key: 'k.tar.gz', Region: 'r', Extra: 1 } },
      {
        Type: 's3',
        Params: {
          Bucket: 'b',
          Key: 'k.tar.gz',
          Filter: '',
          Region: 'r',
          Endpoint: '',
          VersionID: '',
          ChecksumSHA256: '',
        },
      },
      { StorageSource: 'S3', Name: 's3://b/k.tar.gz', S3: { Bucket: 'b', Key: 'k.tar.gz', Region: 'r' } },
    ],
    [{ Type: '' }, { Type: '' }, {}],
    [{ Type: 's3managed', Params: { JobID: 'j' } }, { Type: '' }, {}],
  ]
  for (const [result, c, b] of results) {
    test(`where results lie: ${result.Type || 'nowhere'}`, () => {
      assert.equal(JSON.stringify(resultOf(result)), JSON.stringify(c))
      assert.equal(JSON.stringify(storageOf(result)), JSON.stringify(b))
      const told = JSON.parse(text(completed(about('c'), report(result)))) as unknown
      assert.equal(onRunCompleteSchema.parse(told).PublishResult.Type, resultOf(result).Type)
      onPublishCompleteSchema.parse(JSON.parse(text(published(about('b'), result))))
    })
  }

  test('a failure is one sentence, with what to do', () => {
    const failed = { type: 'failed', executionId: 'e-1', code: 'WasmTrap', message: 'it trapped' } as const
    assert.equal(wordsOf(failed), 'it trapped')
    const words = wordsOf({ ...failed, hint: 'do not' })
    assert.equal(words, 'it trapped (do not)')
    assert.equal(onComputeFailureSchema.parse(JSON.parse(text(failure(about('b'), words)))).Err, words)
  })
})
