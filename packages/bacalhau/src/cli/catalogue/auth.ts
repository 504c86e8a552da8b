import { command } from '../command.ts'
import { list, oneOf, text } from '../flag.ts'
import { tableFlags } from '../global-flags.ts'

const SCOPES = ['read', 'submit', 'manage'] as const

const granted = {
  name: text({ placeholder: 'TEXT', help: 'for people, to tell one from another' }),
  scope: oneOf(SCOPES, { help: 'read looks, submit also runs jobs, manage does everything', fallback: 'submit' }),
  namespace: list({
    placeholder: 'NAMESPACE',
    help: 'only jobs of this namespace; repeat it for several',
    fallback: 'all',
  }),
} as const

export const authTokenCreateFlags = {
  ...granted,
  expires: text({ placeholder: 'SPAN', help: 'good for so long, like 12h or 30d', fallback: 'until it is revoked' }),
} as const

export const authTokenCreate = command({
  name: 'auth token create',
  summary: 'Make a token that lets callers from other machines use the node',
  about: `The token is printed this once; the node keeps only its SHA-256. Whoever has it presents it as
BACALHAU_API_KEY, or as \`Authorization: Bearer …\`.`,
  usage: '',
  flags: authTokenCreateFlags,
  examples: [
    {
      about: 'For a machine that runs jobs for a month',
      command: 'bacalhau auth token create --name ci --expires 30d',
    },
    { about: 'To look at one namespace', command: 'bacalhau auth token create --scope read --namespace team-a' },
  ],
  load: () => import('../commands/auth-token-create.ts'),
})

export const authTokenListFlags = tableFlags

export const authTokenList = command({
  name: 'auth token list',
  aliases: ['auth token ls'],
  summary: 'List the tokens of the node',
  usage: '',
  flags: authTokenListFlags,
  examples: [{ about: 'All of them, the expired ones too', command: 'bacalhau auth token list' }],
  load: () => import('../commands/auth-token-list.ts'),
})

export const authTokenRevokeFlags = {} as const

export const authTokenRevoke = command({
  name: 'auth token revoke',
  summary: 'Make a token worthless',
  about: 'From the next request on. What a bearer follows already, such as the output of a job, goes on to its end.',
  usage: '<id>',
  flags: authTokenRevokeFlags,
  examples: [{ about: 'By its ID', command: 'bacalhau auth token revoke t-0123456789ab' }],
  load: () => import('../commands/auth-token-revoke.ts'),
})

export const authKeyAllowFlags = granted

export const authKeyAllow = command({
  name: 'auth key allow',
  summary: 'Let somebody use the node with the key of their own command line',
  about: 'The client ID is what `bacalhau id` prints on their machine. Allowing it again replaces what was allowed.',
  usage: '<client id>',
  flags: authKeyAllowFlags,
  examples: [
    {
      about: 'To run jobs in one namespace',
      command:
        'bacalhau auth key allow 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef --namespace team-a',
    },
  ],
  load: () => import('../commands/auth-key-allow.ts'),
})

export const authKeyListFlags = tableFlags

export const authKeyList = command({
  name: 'auth key list',
  aliases: ['auth key ls'],
  summary: 'List the client keys that may be used from other machines',
  usage: '',
  flags: authKeyListFlags,
  examples: [{ about: 'All of them', command: 'bacalhau auth key list' }],
  load: () => import('../commands/auth-key-list.ts'),
})

export const authKeyRemoveFlags = {} as const

export const authKeyRemove = command({
  name: 'auth key remove',
  summary: 'Take from a client key what was allowed to it',
  usage: '<client id>',
  flags: authKeyRemoveFlags,
  examples: [
    {
      about: 'By its client ID',
      command: 'bacalhau auth key remove 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    },
  ],
  load: () => import('../commands/auth-key-remove.ts'),
})

export const authLoginFlags = {} as const

export const authLogin = command({
  name: 'auth login',
  summary: 'Log in to a node with the key of this command line',
  about: `The node must allow the key (\`bacalhau auth key allow\` there). The token that it gives is kept in
tokens.json and presented to this node from now on; it is good for a month.`,
  usage: '',
  flags: authLoginFlags,
  examples: [{ about: 'To a node elsewhere', command: 'bacalhau auth login --api-host 192.0.2.1' }],
  load: () => import('../commands/auth-login.ts'),
})

export const authLogoutFlags = {} as const

export const authLogout = command({
  name: 'auth logout',
  summary: 'Forget the login to a node',
  about: 'Takes the token of `bacalhau auth login` out of tokens.json. What the node allows the key stays as it is.',
  usage: '',
  flags: authLogoutFlags,
  examples: [{ about: 'From a node elsewhere', command: 'bacalhau auth logout --api-host 192.0.2.1' }],
  load: () => import('../commands/auth-logout.ts'),
})

export const authInfoFlags = {} as const

export const authInfo = command({
  name: 'auth info',
  summary: 'Show how this command line presents itself, and who the node takes it for',
  usage: '',
  flags: authInfoFlags,
  examples: [{ about: 'Before the first job', command: 'bacalhau auth info' }],
  load: () => import('../commands/auth-info.ts'),
})

export const authHashPasswordFlags = {} as const

export const authHashPassword = command({
  name: 'auth hash-password',
  summary: 'Print the bcrypt hash of a password, for API.Auth.Users',
  about: 'Asks for the password, or reads it from standard input.',
  usage: '',
  flags: authHashPasswordFlags,
  examples: [{ about: 'Ask for it', command: 'bacalhau auth hash-password' }],
  load: () => import('../commands/auth-hash-password.ts'),
})
