import { LIMITS } from '../../runtime/limits.ts'
import { addressRanges, choices, port, size, span, text, toggle, wholeNumber } from '../config-kinds.ts'
import { setting } from './setting.ts'

/** Where inputs come from and results go. */
export const DATA_SETTINGS = {
  inputsDisabled: setting<readonly string[]>({
    key: 'InputSources.Disabled',
    kind: choices(['inline', 'ipfs', 'job', 'local', 'localdirectory', 's3', 'urldownload']),
    fallback: [],
    about: 'Kinds of inputs that this node does not offer, for example s3.',
  }),
  inputSilence: setting({
    key: 'InputSources.ReadTimeout',
    kind: span,
    fallback: 300_000,
    about: 'A download that brings nothing for this long is begun anew.',
  }),
  inputRetries: setting({
    key: 'InputSources.MaxRetryCount',
    kind: wholeNumber(0, 100),
    fallback: 3,
    about: 'How often a download that brings nothing is tried again.',
  }),
  inputMaxSize: setting({
    key: 'InputSources.MaxSize',
    kind: size,
    fallback: LIMITS.contentBytes,
    about: 'Bytes that one input from the web or from S3 may have.',
  }),
  inputAddresses: setting<readonly string[]>({
    key: 'InputSources.AllowedAddresses',
    kind: addressRanges,
    fallback: [],
    about:
      'Addresses and ranges, like 10.0.0.0/8, that jobs may name for inputs and S3 although they are not on the public internet.',
  }),
  publishersDisabled: setting<readonly string[]>({
    key: 'Publishers.Disabled',
    kind: choices(['ipfs', 'local', 's3', 's3managed']),
    fallback: [],
    about: 'Publishers that this node does not offer, for example local.',
  }),
  localAddress: setting({
    key: 'Publishers.Types.Local.Address',
    kind: text,
    fallback: '127.0.0.1',
    about:
      'Host of the URLs of results that are published locally: an address or name at which clients reach this node. As long as it is the machine itself, nobody else is listened to.',
  }),
  localPort: setting({
    key: 'Publishers.Types.Local.Port',
    kind: port,
    fallback: 6_001,
    about: 'Port at which the node serves such results, from the first one on.',
  }),
  signedDisabled: setting({
    key: 'Publishers.Types.S3.PreSignedURLDisabled',
    kind: toggle,
    fallback: false,
    about: 'The orchestrator does not sign URLs by which users get results from S3.',
  }),
  signedFor: setting({
    key: 'Publishers.Types.S3.PreSignedURLExpiration',
    kind: span,
    fallback: 3_600_000,
    about: 'How long such a URL can be used.',
  }),
  managedBucket: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Bucket',
    kind: text,
    fallback: undefined,
    about:
      'Bucket in which the orchestrator keeps what jobs publish to s3managed; compute nodes need no credentials for it.',
  }),
  managedKey: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Key',
    kind: text,
    fallback: undefined,
    about: 'What the keys of such results begin with.',
  }),
  managedRegion: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Region',
    kind: text,
    fallback: undefined,
    about: 'Region of that bucket.',
  }),
  managedEndpoint: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Endpoint',
    kind: text,
    fallback: undefined,
    about: 'Service that has that bucket, where it is not Amazon.',
  }),
  managedFor: setting({
    key: 'Publishers.Types.S3Managed.PreSignedURLExpiration',
    kind: span,
    fallback: 3_600_000,
    about: 'How long the URLs that the orchestrator signs for that bucket can be used.',
  }),
  kuboEndpoint: setting<string | undefined>({
    key: 'InputSources.Types.IPFS.Endpoint',
    kind: text,
    fallback: undefined,
    about:
      'RPC of a Kubo, a multiaddr or a URL like http://127.0.0.1:5001, that is asked for content which no peer has. What it gives is verified.',
  }),
  kuboPublish: setting<string | undefined>({
    key: 'Publishers.Types.IPFS.Endpoint',
    kind: text,
    fallback: undefined,
    about: 'RPC of a Kubo to which results in IPFS are given as well, and which pins them.',
  }),
} as const
