import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { joinLine } from './invitation.ts'

const run = promisify(execFile)
const ADDRESS = '/ip4/192.0.2.1/tcp/1235/p2p/QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL'

/** The words that a shell makes of a line. */
async function wordsOf(line: string): Promise<string[]> {
  const { stdout } = await run('sh', ['-c', `printf '%s\\n' ${line}`])
  return stdout.trimEnd().split('\n')
}

describe('the line to paste on another machine', () => {
  const facts = { joinToken: 'made-up' }
  const none = { swarmKey: undefined, joinToken: undefined }

  test('names the first address and the token', () => {
    assert.equal(
      joinLine([ADDRESS, '/ip4/127.0.0.1/tcp/1235'], none, facts),
      `bacalhau serve --compute --peer ${ADDRESS} --join-token made-up`,
    )
    assert.match(joinLine([ADDRESS], { ...none, joinToken: 'chosen' }, facts), / --join-token chosen$/)
  })

  test('names the file of the swarm key, which has to be copied, and never the key', () => {
    assert.match(
      joinLine([ADDRESS], { ...none, swarmKey: '/etc/bacalhau/swarm.key' }, facts),
      / --swarm-key swarm\.key$/,
    )
  })

  test(
    'survives a shell, whatever the token and the file are called',
    { skip: process.platform === 'win32' },
    async () => {
      const line = joinLine([ADDRESS], { swarmKey: "/x/it's a key", joinToken: '$(reboot) `x` "y" \\' }, facts)
      assert.deepEqual(await wordsOf(line), [
        'bacalhau',
        'serve',
        '--compute',
        '--peer',
        ADDRESS,
        '--join-token',
        '$(reboot) `x` "y" \\',
        '--swarm-key',
        "it's a key",
      ])
    },
  )
})
