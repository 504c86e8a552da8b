import assert from 'node:assert/strict'
import { test } from 'node:test'
import { olderArchiveUrl } from './archive-url.ts'

test('archives of our own publisher bear the name that programs of release 1.2 unpack; other URLs stay', () => {
  const token = 'x'.repeat(43)
  const own = (ending: string) => `http://192.0.2.1:6001/${token}/e-11111111-2222-4333-8444-555555555555.${ending}`
  assert.equal(olderArchiveUrl(own('tar.gz')), own('tgz'))
  for (const other of [own('tgz'), 'http://h/e-1.tar.gz', `${own('tar.gz')}?x=1`, '', 'https://h/data.tar.gz']) {
    assert.equal(olderArchiveUrl(other), other)
  }
})
