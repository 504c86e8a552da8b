import type { ApiUser } from '../../api/auth/users.ts'
import { absent, clientIds, isClientKeyMethod, origins, users } from '../config-access.ts'
import { port, text, texts, toggle, wholeNumber } from '../config-kinds.ts'
import { setting } from './setting.ts'

/** Where the API is, and who may use it. */
export const API_SETTINGS = {
  apiHost: setting({
    key: 'API.Host',
    kind: text,
    fallback: '0.0.0.0',
    about: 'Address that the REST API listens on, and where commands look for it.',
  }),
  apiPort: setting({ key: 'API.Port', kind: port, fallback: 1234, about: 'Port of the REST API.' }),
  apiToken: setting<string | undefined>({
    key: 'API.Token',
    kind: text,
    fallback: undefined,
    secret: true,
    about: 'Secret that lets callers from other machines use the REST API; commands send it.',
  }),
  apiUsers: setting<readonly ApiUser[] | undefined>({
    key: 'API.Auth.Users',
    kind: users,
    fallback: undefined,
    secret: true,
    about:
      'Users of the REST API: Username and Password (bcrypt or plain) or APIKey, and Capabilities. With any, everybody needs a credential.',
  }),
  apiClientKeys: setting<readonly string[]>({
    key: 'API.Auth.ClientKeys',
    kind: clientIds,
    fallback: [],
    about: 'Client IDs whose keys may be used from other machines, to run jobs.',
  }),
  apiTrustLocal: setting<boolean | undefined>({
    key: 'API.Auth.TrustLocal',
    kind: toggle,
    fallback: undefined,
    about:
      'Serve programs on this machine without a credential. By default they are, unless API.Auth.Users names somebody.',
  }),
  apiPolicy: setting({
    key: 'API.Auth.AccessPolicyPath',
    kind: absent('policies in Rego are not supported; use tokens, client keys or API.Auth.Users'),
    fallback: false,
    about: 'Not supported; a node that is told to follow a policy does not start.',
  }),
  apiMethods: setting({
    key: 'API.Auth.Methods',
    kind: absent('only {ClientKey: {Type: challenge}} is supported, without a policy', isClientKeyMethod),
    fallback: false,
    about: 'Only the default of the Go program, {ClientKey: {Type: challenge}}, is supported.',
  }),
  apiSso: setting({
    key: 'API.Auth.Oauth2',
    kind: absent('single sign-on is not supported; use tokens, client keys or API.Auth.Users'),
    fallback: false,
    about: 'Not supported; a node that is told to use single sign-on does not start.',
  }),
  apiHosts: setting<readonly string[]>({
    key: 'API.Hosts',
    kind: texts,
    fallback: [],
    about: 'Names, besides localhost, by which programs on this machine may call the REST API without a credential.',
  }),
  tlsCert: setting<string | undefined>({
    key: 'API.TLS.CertFile',
    kind: text,
    fallback: undefined,
    about: 'Certificate of the REST API with its chain (PEM). Read again when it changes.',
  }),
  tlsKey: setting<string | undefined>({
    key: 'API.TLS.KeyFile',
    kind: text,
    fallback: undefined,
    about: 'Key of the certificate (PEM).',
  }),
  tlsSelfSigned: setting({
    key: 'API.TLS.SelfSigned',
    kind: toggle,
    fallback: false,
    about: 'Serve the REST API over TLS with a certificate that the node makes and keeps.',
  }),
  tlsAutoCert: setting({
    key: 'API.TLS.AutoCert',
    kind: absent('certificates are not fetched; use API.TLS.CertFile, which is read again when it changes'),
    fallback: false,
    about: 'Not supported: fetching certificates by ACME is the work of a program of its own.',
  }),
  tlsUse: setting({
    key: 'API.TLS.UseTLS',
    kind: toggle,
    fallback: false,
    about: 'Commands call the REST API over TLS.',
  }),
  tlsInsecure: setting({
    key: 'API.TLS.Insecure',
    kind: toggle,
    fallback: false,
    about: 'Commands call over TLS and take any certificate. Whoever is between can read and change everything.',
  }),
  tlsCa: setting<string | undefined>({
    key: 'API.TLS.CAFile',
    kind: text,
    fallback: undefined,
    about: 'Commands call over TLS and also take certificates of this authority, or this certificate (PEM).',
  }),
  corsOrigins: setting<readonly string[]>({
    key: 'API.Cors.Origins',
    kind: origins,
    fallback: [],
    about:
      'Origins whose web pages may use the REST API; opened on this machine, they may do all that its programs may. *: every page that brings a credential.',
  }),
  rateLimit: setting({
    key: 'API.RateLimit.PerSecond',
    kind: wholeNumber(0, 1_000_000),
    fallback: 1_000,
    about: 'Requests a second of each caller from another machine; 0 sets no bound.',
  }),
} as const
