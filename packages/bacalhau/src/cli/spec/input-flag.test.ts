import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { looksLikeCid, parseInputFlag, parseSource } from './input-flag.ts'

const CID = 'QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u'
const input = (Type: string, Params: object, Target = '/inputs') => ({ Source: { Type, Params }, Alias: '', Target })

describe('kinds of sources', () => {
  test('a path on this machine', () => {
    assert.deepEqual(parseInputFlag('./texts:/data'), input('file', { Path: './texts' }, '/data'))
    assert.deepEqual(parseInputFlag('/abs/dir'), input('file', { Path: '/abs/dir' }))
  })

  test('a single file without a target keeps its name below /inputs', () => {
    assert.equal(parseInputFlag('./a/b.csv').Target, '/inputs/b.csv')
    assert.equal(parseInputFlag('./a/b.csv/').Target, '/inputs')
  })

  test('a CID, with a scheme or bare', () => {
    assert.deepEqual(parseInputFlag(`ipfs://${CID}:/x`), input('ipfs', { CID }, '/x'))
    assert.deepEqual(parseInputFlag(CID), input('ipfs', { CID }))
    assert.deepEqual(parseInputFlag(`${CID}/sub:/x`), input('ipfs', { CID: `${CID}/sub` }, '/x'))
    assert.equal(looksLikeCid('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'), true)
    assert.equal(looksLikeCid('Qm-not-a-cid'), false)
  })

  test('a URL, whose own colons and slashes stay', () => {
    const URL = 'https://example.org:8080/a:b/c?x=http://y/z'
    assert.deepEqual(parseInputFlag(`${URL}:/in`), input('urlDownload', { URL }, '/in'))
    assert.deepEqual(parseInputFlag('HTTP://example.org'), input('urlDownload', { URL: 'HTTP://example.org' }))
  })

  test('an S3 bucket with options', () => {
    const Params = { Bucket: 'b', Key: 'p/a,b/*', Region: 'eu', Endpoint: 'http://127.0.0.1:9000', VersionID: 'v=1' }
    assert.deepEqual(
      parseInputFlag('src=s3://b/p/a,b/*,opt=region=eu,opt=endpoint=http://127.0.0.1:9000,dst=/in,opt=versionID=v=1'),
      input('s3', Params, '/in'),
    )
    assert.deepEqual(parseInputFlag('s3://b,opt=filter=x'), input('s3', { Bucket: 'b', Key: '', Filter: 'x' }))
  })

  test('the results of another job', () => {
    assert.deepEqual(parseInputFlag('job://j-1a2b:/in'), input('job', { JobID: 'j-1a2b' }, '/in'))
    assert.deepEqual(
      parseInputFlag('src=job://mine/outputs/a,dst=/in,opt=partition=3,opt=execution=e-1'),
      input('job', { JobID: 'mine', Path: 'outputs/a', Partition: 3, ExecutionID: 'e-1' }, '/in'),
    )
  })

  test('a folder of the node', () => {
    assert.deepEqual(
      parseInputFlag('file:///data:/in'),
      input('local', { SourcePath: '/data', ReadWrite: false }, '/in'),
    )
    const { Source } = parseInputFlag('src=file:///data,dst=/in,opt=rw=true')
    assert.equal(Source.Params?.['ReadWrite'], true)
  })
})

describe('mistakes', () => {
  const mistakes: readonly [flag: string, message: RegExp][] = [
    ['', /no source is named/],
    ['dst=/x', /no source is named/],
    ['src=./a,dst=x', /target 'x' must be an absolute path/],
    ['git://example.org/x', /unknown kind of source 'git:\/\/'/],
    ['s3://', /no bucket is named/],
    ['job:///outputs:/in', /no job is named/],
    ['src=job://j,opt=partition=x', /the partition 'x' is not a number/],
    ['file://data:/in', /the path must be absolute/],
    ['src=./a,opt=region=eu', /unknown option 'region'/],
    ['src=s3://b/k,opt=region', /not of the form opt=NAME=VALUE/],
    ['src=s3://b/k,opt=colour=red', /unknown option 'colour'/],
  ]
  for (const [flag, message] of mistakes) {
    test(`'${flag}'`, () => assert.throws(() => parseInputFlag(flag), { code: 'InvalidFlag', message }))
  }
})

describe('properties', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_. ,=-]{1,12}$/).filter((text) => !/^\.*$/.test(text))
  const guestPath = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
  const keyed = /,(?:src|source|dst|destination|target|opt|option)=/

  test('what is written as SOURCE:TARGET is read back', () => {
    fc.assert(
      fc.property(guestPath, guestPath, (folder, target) => {
        fc.pre(!keyed.test(folder) && !keyed.test(target))
        assert.deepEqual(parseInputFlag(`.${folder}:${target}`), input('file', { Path: `.${folder}` }, target))
        assert.deepEqual(
          parseInputFlag(`ipfs://${CID}${folder}:${target}`),
          input('ipfs', { CID: `${CID}${folder}` }, target),
        )
      }),
    )
  })

  test('both ways of writing mean the same, in any order', () => {
    fc.assert(
      fc.property(guestPath, guestPath, fc.boolean(), (folder, target, sourceFirst) => {
        fc.pre(!keyed.test(folder) && !keyed.test(target))
        const parts = [`src=.${folder}`, `dst=${target}`]
        const written = (sourceFirst ? parts : parts.toReversed()).join(',')
        assert.deepEqual(parseInputFlag(written), parseInputFlag(`.${folder}:${target}`))
      }),
    )
  })

  test('any text is read or refused with InvalidFlag, and a target is always absolute', () => {
    const fragment = fc.oneof(
      fc.constantFrom('src=', ',dst=', ',opt=', ':/', '://', 's3', 'file', 'ipfs', 'https', '/', 'C:', '=', ','),
      fc.string({ maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 8 }), (parts) => {
        try {
          const { target = '/' } = parseSource(parts.join(''))
          assert.ok(target.startsWith('/'))
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'InvalidFlag', String(error))
        }
      }),
    )
  })
})
