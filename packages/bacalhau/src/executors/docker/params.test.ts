import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseDockerParams } from './params.ts'

describe('parameters of a container', () => {
  test('leave to the image what they do not say', () => {
    for (const params of [
      { Image: ' busybox ' },
      { Image: 'busybox', Entrypoint: null, Parameters: [], EnvironmentVariables: null, WorkingDirectory: '' },
    ]) {
      assert.deepEqual(parseDockerParams(params), {
        image: 'busybox',
        entrypoint: undefined,
        command: undefined,
        env: {},
        workingDirectory: undefined,
        user: undefined,
        shm: undefined,
        stopSignal: undefined,
        grace: undefined,
      })
    }
  })

  test('are taken as they are', () => {
    const env = ['A=1=2', 'B=', 'C']
    const parsed = parseDockerParams({
      Image: 'a',
      Entrypoint: ['x'],
      Parameters: ['', ' y'],
      EnvironmentVariables: env,
      User: '1:2',
    })
    assert.deepEqual(parsed.env, { A: '1=2', B: '' })
    assert.deepEqual([parsed.entrypoint, parsed.command, parsed.user], [['x'], ['', ' y'], '1:2'])
    const { shm, stopSignal, grace } = parseDockerParams({
      Image: 'a',
      ShmSize: '256MiB',
      StopSignal: 'SIGUSR1',
      StopTimeout: 1.5,
    })
    assert.deepEqual([shm, stopSignal, grace], [256 << 20, 'SIGUSR1', 1_500])
  })

  test('are refused with the words of the documented API', () => {
    const cases: [object, RegExp][] = [
      [{}, /invalid docker engine param: 'Image' cannot be empty/],
      [{ Image: '  ' }, /'Image' cannot be empty/],
      [{ Image: 'a', WorkingDirectory: 'x' }, /'WorkingDirectory' \("x"\) must contain absolute path/],
      [
        { Image: 'a', EnvironmentVariables: ['BACALHAU_TEST=1'] },
        /environment variable 'BACALHAU_TEST' cannot start with BACALHAU_/,
      ],
      [{ Image: 'a', EnvironmentVariables: ['bacalhau_x=1'] }, /cannot start with BACALHAU_/],
      [{ Image: 'a', Parameters: 'x' }, /must be a list of texts/],
      [{ Image: 'a', Parameters: ['a\0'] }, /NUL/],
      [{ Image: 'a', User: 'a b' }, /'User'/],
      [{ Image: 'a', ShmSize: 'much' }, /'ShmSize'/],
      [{ Image: 'a', ShmSize: true }, /'ShmSize'/],
      [{ Image: 'a', StopSignal: 'kill -9' }, /'StopSignal'/],
      [{ Image: 'a', StopSignal: '65' }, /'StopSignal'/],
      [{ Image: 'a', StopTimeout: 61 }, /'StopTimeout' must be seconds, at most 60/],
      [{ Image: 'a', StopTimeout: '5' }, /'StopTimeout'/],
      [{ Image: 'a', Privileged: true }, /unknown field Privileged/],
    ]
    for (const [params, message] of cases)
      assert.throws(() => parseDockerParams({ ...params }), { code: 'ValidationError', message })
    assert.throws(() => parseDockerParams({ Image: 'A:b:c' }), { code: 'ImageInvalid' })
  })
})
