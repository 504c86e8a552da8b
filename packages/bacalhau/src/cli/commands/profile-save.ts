import type { profileSaveFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { invalidFlag } from '../flag.ts'
import type { Io } from '../io.ts'
import { present } from '../present.ts'
import { parseDuration } from '../../runtime/duration.ts'
import { checkProfileName, type Profile, profileFolder } from '../profile/profile.ts'
import { listProfiles, readProfile, selectProfile, writeProfile } from '../profile/profile-file.ts'
import { dataFolderHere } from '../settings.ts'

/** A token on standard input that is longer than this is something else. In bytes. */
const MAX_TOKEN = 16_384

export async function run({ args, io, flags }: Invocation<typeof profileSaveFlags>): Promise<number> {
  const name = checkProfileName(args[0] ?? '')
  const folder = profileFolder(dataFolderHere(io, flags))
  const isThere = (await listProfiles(folder)).includes(name)
  const old = isThere ? await readProfile(folder, name) : undefined
  const profile: Profile = {
    endpoint: endpointOf(flags.endpoint, old),
    description: flags.description ?? old?.description,
    timeout: timeoutOf(flags.timeout) ?? old?.timeout,
    token: flags.token === '-' ? await readToken(io) : (flags.token ?? old?.token),
    insecure: flags.insecure || old?.insecure,
  }
  await writeProfile(folder, name, profile)
  if (flags.select) await selectProfile(folder, name)
  const done = `Profile '${name}' ${isThere ? 'changed' : 'saved'}${flags.select ? ' and selected' : ''}.\n`
  await present(io, flags, { Name: name, Endpoint: profile.endpoint, Selected: flags.select }, () => done)
  return 0
}

/** The URL of the API; `http` and the port of a node go without saying. */
function endpointOf(written: string | undefined, old: Profile | undefined): string {
  if (written === undefined && old !== undefined) return old.endpoint
  const hint = 'For example --endpoint https://node.example.org:1234.'
  if (written === undefined || written === '') throw invalidFlag('endpoint', 'is needed', hint)
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `http://${written}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalidFlag('endpoint', `'${written}' is no address of a REST API`, hint)
  }
  if (url.username !== '' || url.password !== '') throw invalidFlag('endpoint', 'must hold no password', 'Use --token.')
  const hasPort = /:\d+$/.test(text.replace(/^[a-z]+:\/\//i, '').split('/')[0] ?? '')
  if (!hasPort && url.protocol === 'http:') url.port = '1234'
  return url.href.replace(/\/+$/, '')
}

function timeoutOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined
  const timeout = parseDuration(written)
  if (timeout === undefined || timeout === 0) throw invalidFlag('timeout', `'${written}' is no time span such as 30s`)
  return timeout
}

async function readToken(io: Io): Promise<string> {
  if (io.inputIsTerminal) await io.err.write('Token, then Enter and Ctrl-D: ')
  let text = ''
  for await (const chunk of io.input) {
    text += Buffer.from(chunk).toString()
    if (text.length > MAX_TOKEN) throw invalidFlag('token', 'standard input holds more than a token')
  }
  if (text.trim() === '') throw invalidFlag('token', 'standard input is empty')
  return text.trim()
}
