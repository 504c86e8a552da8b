import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SpecConfig, Task } from '@bacalhau/models'
import fc from 'fast-check'
import { kuboRandomBytes } from '../content/testing/kubo-random.ts'
import { BacalhauError } from '../runtime/error.ts'
import { createInlineData, type DataVault } from './inline-data.ts'

/** A vault in memory that counts what is put. */
function memoryVault(): DataVault & { readonly puts: () => number } {
  const texts = new Map<string, Uint8Array>()
  let puts = 0
  return {
    puts: () => puts,
    async put(bytes) {
      puts += 1
      const cid = CIDS[texts.size % CIDS.length] ?? ''
      texts.set(cid, bytes)
      return cid
    },
    async get(cid) {
      const bytes = texts.get(cid)
      if (bytes === undefined) throw new BacalhauError('ContentNotFound', 'not here')
      return bytes
    },
    has: async (cid) => texts.has(cid),
    list: () => [...texts.keys()],
    drop: (cid) => void texts.delete(cid),
  }
}
const CIDS = [
  'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
  'QmdytmR4wULMd3SLo6ePF4s3WcRHWcpnJZ7bHhoj3QB13v',
]

const inline = (URL: string, key = 'URL', Type = 'inline'): SpecConfig => ({ Type, Params: { [key]: URL } })

function job(...sources: SpecConfig[]): { Name: string; Tasks: Task[] } {
  const task: Task = {
    Name: 'main',
    Engine: { Type: 'wasm' },
    Publisher: { Type: '' },
    Env: {},
    Meta: {},
    InputSources: sources.map((Source, index) => ({ Source, Alias: '', Target: `/${index}` })),
    ResultPaths: [],
    Resources: {},
    Network: { Type: 'Default' },
    Timeouts: {},
  }
  return { Name: 'job', Tasks: [task] }
}

const sourcesOf = ({ Tasks }: { Tasks: Task[] }) => Tasks[0]?.InputSources.map(({ Source }) => Source)

const module = kuboRandomBytes(82_000, 'module')
const url = `data:application/wasm;base64,${module.toString('base64')}`

describe('data of inline inputs', () => {
  test('goes into the vault and comes back as it was', async () => {
    const vault = memoryVault()
    const { stow, restore } = createInlineData(vault)
    const submitted = job({ Type: 'ipfs', Params: { CID: 'x' } }, inline(url), inline('data:,small'))
    const stowed = await stow(submitted)
    const [, source] = sourcesOf(stowed) ?? []
    assert.deepEqual(Object.keys(source?.Params ?? {}), ['CID', 'MediaType'])
    assert.equal(source?.Params?.['MediaType'], 'application/wasm')
    assert.ok(JSON.stringify(stowed).length < 1_000)
    assert.equal(Buffer.compare(await vault.get(CIDS[0] ?? ''), module), 0)
    assert.deepEqual(await restore(stowed), submitted)
    assert.equal(sourcesOf(submitted)?.[1]?.Params?.['URL'], url, 'what was given is not changed')
  })

  test('is found whatever the case of type and key', async () => {
    const { stow, restore } = createInlineData(memoryVault())
    const stowed = await stow(job(inline(url, 'url', 'INLINE')))
    assert.equal(sourcesOf(stowed)?.[0]?.Params?.['CID'], CIDS[0])
    assert.deepEqual(sourcesOf(await restore(stowed)), [inline(url, 'URL', 'INLINE')])
  })

  test('comes back letter by letter, however it was written', async () => {
    const base64 = fc.uint8Array({ minLength: 2_100, maxLength: 3_000 }).map((bytes) => Buffer.from(bytes))
    const written = fc
      .tuple(
        base64,
        fc.constantFrom('data:', 'DATA:'),
        fc.constantFrom('', 'x/y', 'Text/Plain;charset=utf-8'),
        fc.nat(5),
      )
      .map(([data, scheme, type, form]) => {
        const head = `${scheme}${type}`
        const forms = [
          `${head};base64,${data.toString('base64')}`,
          `${head};BASE64,${data.toString('base64')}`,
          `${head};base64,${data.toString('base64url')}`,
          `${head};base64,${encodeURIComponent(data.toString('base64'))}`,
          `${head},${data.toString('hex')}%FF`,
          `${head},${data.toString('latin1')}`,
        ]
        return forms[form] ?? ''
      })
    await fc.assert(
      fc.asyncProperty(written, async (text) => {
        const { stow, restore } = createInlineData(memoryVault())
        const stowed = await stow(job(inline(text)))
        assert.ok(JSON.stringify(stowed).length < 1_000)
        assert.deepEqual(await restore(stowed), job(inline(text)))
      }),
      { numRuns: 60 },
    )
  })

  test('that cannot be given back as it was stays where it is', async () => {
    const { stow } = createInlineData(memoryVault())
    const submitted = job(inline(`data:,\ud800${'x'.repeat(5_000)}`))
    assert.deepEqual(await stow(submitted), submitted)
  })

  test('stays in the spec as long as it is small, and so do other inputs', async () => {
    const vault = memoryVault()
    const { stow, restore } = createInlineData(vault)
    for (const submitted of [job(), job(inline('data:;base64,eA==')), job({ Type: 's3', Params: { URL: url } })]) {
      assert.deepEqual(await stow(submitted), submitted)
      assert.deepEqual(await restore(submitted), submitted)
    }
    assert.equal(vault.puts(), 0)
  })

  test('is decoded and put once for many submissions', async () => {
    const vault = memoryVault()
    const { stow } = createInlineData(vault)
    const together = await Promise.all(Array.from({ length: 20 }, () => stow(job(inline(url)))))
    const later = await stow(job(inline(url)))
    assert.ok(together.every((stowed) => JSON.stringify(stowed) === JSON.stringify(later)))
    assert.equal(vault.puts(), 1)
  })

  test('is put again after the vault had no room', async () => {
    const vault = memoryVault()
    let full = true
    const put = async (bytes: Uint8Array) => {
      if (full) throw new BacalhauError('DiskFull', 'full')
      return vault.put(bytes)
    }
    const { stow } = createInlineData({ ...vault, put })
    await assert.rejects(stow(job(inline(url))), { code: 'DiskFull' })
    full = false
    assert.equal(sourcesOf(await stow(job(inline(url))))?.[0]?.Params?.['CID'], CIDS[0])
  })

  test('that the vault has lost leaves the job readable', async () => {
    const { stow } = createInlineData(memoryVault())
    const stowed = await stow(job(inline(url)))
    const { restore } = createInlineData(memoryVault())
    assert.deepEqual(await restore(stowed), stowed)
  })

  test('that the vault has lost cannot be run again', async () => {
    const stowed = await createInlineData(memoryVault()).stow(job(inline(url)))
    await assert.rejects(createInlineData(memoryVault()).require(stowed), { code: 'InlineDataLost' })
    const vault = memoryVault()
    const { stow, require } = createInlineData(vault)
    await require(await stow(job(inline(url), inline('data:,small'))))
  })

  test('goes when no job needs it any more, and comes again with the next that does', async () => {
    const vault = memoryVault()
    const { stow, sweep } = createInlineData(vault)
    const stowed = await stow(job(inline(url)))
    const jobs = async function* (...all: (typeof stowed)[]) {
      yield* all
    }
    for (let round = 0; round < 3; round++) assert.equal(await sweep(jobs(job(), stowed)), 0)
    assert.deepEqual(vault.list(), [CIDS[0]])
    assert.deepEqual([await sweep(jobs(job())), vault.list().length], [1, 1])
    assert.deepEqual([await sweep(jobs(job())), vault.list().length], [0, 0])
    assert.deepEqual(await stow(job(inline(url))), stowed)
    assert.equal(vault.puts(), 2)
  })

  test('is not waited for by one who has gone', async () => {
    const vault = memoryVault()
    const stowed = await createInlineData(vault).stow(job(inline(url)))
    const controller = new AbortController()
    const get = async (): Promise<Uint8Array> => {
      controller.abort(new Error('gone'))
      throw new BacalhauError('ContentNotFound', 'late')
    }
    await assert.rejects(createInlineData({ ...vault, get }).restore(stowed, controller.signal), /gone/)
  })

  for (const [why, source] of [
    ['a CID', { Type: 'inline', Params: { CID: CIDS[0], MediaType: 'x/y' } }],
    ['a CID beside a URL', { Type: 'inline', Params: { URL: 'data:,x', CID: CIDS[0] } }],
    ['no URL', { Type: 'inline' }],
    ['a small URL that is none of data', inline('http://x/y')],
    ['a long URL that is none of data', inline(`http://x/${'y'.repeat(5_000)}`)],
    ['broken base64', inline(`data:;base64,${'!'.repeat(5_000)}`)],
  ] as [string, SpecConfig][]) {
    test(`with ${why} is refused`, async () => {
      const vault = memoryVault()
      await assert.rejects(createInlineData(vault).stow(job(source)), { code: 'ValidationError' })
      assert.equal(vault.puts(), 0)
    })
  }
})
