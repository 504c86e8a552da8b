import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { parseCid } from '../../content/cid.ts'
import { createKuboRpc } from '../../content/kubo/rpc.ts'
import { kuboWith } from '../../content/testing/kubo.ts'
import { flow, folderWith, gather, temporaryContent } from '../../content/testing/temporary.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createIpfsPublisher } from './ipfs.ts'

describe('results for a Kubo', () => {
  const { signal } = new AbortController()
  const spec = { Type: 'ipfs' }
  const publish = async (context: TestContext, says: (root: string) => string, status = 200) => {
    let taken: Buffer = Buffer.alloc(0)
    const empty = await temporaryContent(context)
    const { endpoint, calls } = await kuboWith(context, empty, ({ request, response }) => {
      void gather(request).then(async (body) => {
        taken = body.subarray(body.indexOf('\r\n\r\n') + 4, body.lastIndexOf('\r\n--'))
        const [, root = ''] = /(Qm\w+)/.exec(said) ?? []
        response.writeHead(status).end(says(root))
      })
      return true
    })
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { stdout: 'out' })
    const said = (await content.add(folder)).cid.toString()
    const publisher = createIpfsPublisher(
      content,
      systemClock,
      createKuboRpc({ endpoint, clock: systemClock, silence: 60_000 }),
    )
    const publishing = publisher.publish({ orchestrator: 'QmO', jobId: 'j', executionId: 'e', folder, spec }, signal)
    const result = await publishing.catch((error: unknown) => error)
    return { result, calls, taken, said }
  }
  const line = (root: string, PinErrorMsg = '') => `${JSON.stringify({ Root: { Cid: { '/': root }, PinErrorMsg } })}\n`

  test('are sent to it as a CAR, to be pinned', async (context) => {
    const { result, calls, taken, said } = await publish(context, (root) => line(root))
    assert.deepEqual(result, { Type: 'ipfs', Params: { CID: said } })
    assert.deepEqual(calls, ['POST dag/import '])
    const copy = await temporaryContent(context)
    await copy.importCar(flow(taken), parseCid(said))
    assert.equal((await gather(copy.cat({ cid: parseCid(said), path: ['stdout'] }))).toString(), 'out')
  })

  test('count as published only when it says so', async (context) => {
    for (const [says, status, message] of [
      [(root: string) => line(root, 'no space'), 200, /no space/],
      [() => line('QmOther'), 200, /does not say/],
      [() => 'nonsense', 200, /does not say/],
      [() => '{"Message":"no such command"}', 500, /no such command/],
    ] as const) {
      const { result } = await publish(context, says, status)
      assert.match(String(result), message)
      assert.equal((result as { code?: string }).code, 'PublishFailed')
    }
  })
})
