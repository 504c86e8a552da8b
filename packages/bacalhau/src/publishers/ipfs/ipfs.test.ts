import assert from 'node:assert/strict'
import { open, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { parseContentRef } from '../../content/cid.ts'
import type { Content } from '../../content/content.ts'
import { folderWith, temporaryContent, temporaryFolder } from '../../content/testing/temporary.ts'
import { describePublisher } from '../compliance.ts'
import { createIpfsPublisher } from './ipfs.ts'

const spec: SpecConfig = { Type: 'ipfs' }
const { signal } = new AbortController()
const clock = { now: () => Date.UTC(2026, 0, 1) }
const PIN = 'result/2026-01-01'
const request = (folder: string) => ({ orchestrator: 'QmO', jobId: 'j-1', executionId: 'e-1', folder, spec })

async function filesOf(content: Content, result: SpecConfig, folder: string): Promise<Record<string, string>> {
  const target = path.join(folder, 'fetched')
  await content.export(parseContentRef(String(result.Params?.['CID'])), target, { offline: true })
  const entries = await readdir(target, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(target, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

describePublisher('ipfs', async (context) => {
  const content = await temporaryContent(context)
  return {
    publisher: createIpfsPublisher(content, clock),
    spec,
    fetch: async (result) => filesOf(content, result, await temporaryFolder(context)),
  }
})

describe('results in ipfs', () => {
  test('have the CID of `ipfs add -r`, and are pinned', async (context) => {
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { file000001: '1\n' })
    const result = await createIpfsPublisher(content, clock).publish(request(folder), signal)
    // 1\n is QmdytmR4wULMd3SLo6ePF4s3WcRHWcpnJZ7bHhoj3QB13v by `ipfs add`.
    const [entry] = await Array.fromAsync(content.list(parseContentRef(String(result.Params?.['CID']))))
    assert.equal(entry?.cid.toString(), 'QmdytmR4wULMd3SLo6ePF4s3WcRHWcpnJZ7bHhoj3QB13v')
    assert.deepEqual(content.pins(PIN), [result.Params?.['CID']])
    await content.collect()
    assert.ok(await content.has(parseContentRef(String(result.Params?.['CID']))))
  })

  test('that do not fit on the disk are reported as such, and leave nothing', async (context) => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const content = await temporaryContent(context, {
      openFile: async (...parameters) => {
        const handle = await open(...parameters)
        handle.writev = () => Promise.reject(full)
        return handle
      },
    })
    const folder = await folderWith(context, { big: 'x'.repeat(400_000) })
    const publishing = createIpfsPublisher(content, clock).publish(request(folder), signal)
    await assert.rejects(publishing, { code: 'DiskFull' })
    assert.deepEqual([content.usage().blocks, content.pins(PIN)], [0, []])
  })
})
