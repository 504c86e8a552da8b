import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BacalhauError } from '../../runtime/error.ts'
import { notFound, toFailure } from './failure.ts'

const withStatus = (statusCode: number, message: string) => Object.assign(new Error(message), { statusCode })

describe('failures', () => {
  test('of ours tell everything', () => {
    const error = new BacalhauError('NotFound', 'job not found: j-1', { component: 'JobStore', details: { k: 'v' } })
    assert.deepEqual(toFailure(error), {
      Status: 404,
      Message: 'job not found: j-1',
      Code: 'NotFound',
      Component: 'JobStore',
      Details: { k: 'v' },
    })
  })

  test('leave out an empty hint and empty details', () => {
    const failure = toFailure(new BacalhauError('Conflict', 'no'))
    assert.deepEqual(Object.keys(failure), ['Status', 'Message', 'Code', 'Component'])
  })

  test('of an unknown route are those of the documented API', () => {
    const { Status, Message, Code, Component, Hint } = toFailure(notFound())
    assert.deepEqual([Status, Code, Component], [404, 'NotFound', 'APIServer'])
    assert.equal(Message, 'The requested resource/URL was not found.')
    assert.match(Hint ?? '', /server version may be older/)
  })

  test('of HTTP keep their status', () => {
    assert.equal(toFailure(withStatus(413, 'x')).Code, 'PayloadTooLarge')
    assert.deepEqual(
      [toFailure(withStatus(414, 'long')).Status, toFailure(withStatus(414, 'long')).Message],
      [414, 'long'],
    )
  })

  test('of ours that nobody foresaw tell nothing of our insides', () => {
    for (const error of [
      new Error('secret path /root'),
      withStatus(500, 'secret'),
      'secret',
      undefined,
      { Status: 200 },
    ]) {
      const failure = toFailure(error)
      assert.deepEqual([failure.Status, failure.Code, failure.Component], [500, 'InternalError', 'Unknown'])
      assert.equal(failure.Message, 'Internal server error')
    }
  })

  test('of time are told as such', () => {
    assert.equal(toFailure(new DOMException('timed out', 'TimeoutError')).Code, 'TimeOut')
  })
})
