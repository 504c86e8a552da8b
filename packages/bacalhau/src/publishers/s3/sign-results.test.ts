import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { BUCKET, s3ClientsOf, type S3Server, startS3Server } from '../../sources/fixtures/s3-server.ts'
import { createOutbound } from '../../sources/outbound/outbound.ts'
import { createS3Clients } from '../../sources/s3/clients.ts'
import { createS3Publisher } from './s3.ts'
import { createResultSigner } from './sign-results.ts'

const { signal } = new AbortController()
let server: S3Server

before(async () => {
  server = await startS3Server()
})
after(() => server.stop())

function signerOf(context: TestContext, clients = s3ClientsOf(server)) {
  context.after(() => clients.stop())
  return { clients, sign: createResultSigner({ clients, logger: silentLogger, others: true, lasting: 60_000 }) }
}

const s3 = (Key: string, more: object = {}): SpecConfig => ({
  Type: 's3',
  Params: { Bucket: BUCKET, Key, Endpoint: server.endpoint, Region: 'us-east-1', ...more },
})

describe('a URL for a result in S3', () => {
  test('gets it without credentials, for a while', async (context) => {
    const { clients, sign } = signerOf(context)
    const publisher = createS3Publisher({ clients, clock: { now: () => 0 }, nodeId: 'n' })
    const folder = await folderWith(context, { stdout: 'out' })
    const request = { orchestrator: 'QmO', jobId: 'j-1', executionId: 'e-1', folder, spec: s3('{jobID}/{executionID}') }
    const result = await publisher.publish(request, signal)
    const { Type, Params } = await sign(result, 'j-1')
    assert.deepEqual([Type, Params?.['Managed'], Params?.['SourceSpec']], ['s3PreSigned', false, result.Params])
    const url = new URL(String(Params?.['PreSignedURL']))
    assert.equal(url.searchParams.get('X-Amz-Expires'), '60')
    const answer = await fetch(url)
    assert.deepEqual([answer.status, (await answer.bytes()).length > 0], [200, true])
  })

  test('is not signed for what is no archive of this job, whatever a node says', async (context) => {
    const { sign } = signerOf(context)
    for (const result of [
      s3('secret.tar.gz'),
      s3('j-2/e-1.tar.gz'),
      s3('j-1/e-1/'),
      s3('j-1/secret'),
      { Type: 's3', Params: { Key: 'j-1.tar.gz' } },
      { Type: 'ipfs', Params: { CID: 'Qm' } },
      { Type: 's3' },
    ]) {
      assert.equal(await sign(result, 'j-1'), result)
    }
  })

  test('is not signed where it leads to a private address, or there are no credentials', async (context) => {
    const result = s3('j-1.tar.gz')
    assert.equal(await signerOf(context, s3ClientsOf(server, [])).sign(result, 'j-1'), result)
    const home = await temporaryFolder(context)
    const poor = createS3Clients({ outbound: createOutbound([]), env: {}, home, retries: 0, silence: 1 })
    assert.equal(await signerOf(context, poor).sign(result, 'j-1'), result)
  })
})
