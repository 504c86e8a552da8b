import type { Settings } from '../../node/config-settings.ts'

type TlsSettings = Pick<Settings, 'tlsUse' | 'tlsInsecure' | 'tlsCa' | 'tlsSelfSigned' | 'tlsCert'>

/** Do these settings say that the API is spoken over TLS? Those of the node itself, too: they may be of the same file. */
export const usesTls = ({ tlsUse, tlsInsecure, tlsCa, tlsSelfSigned, tlsCert }: TlsSettings): boolean =>
  tlsUse || tlsInsecure || tlsSelfSigned || tlsCa !== undefined || tlsCert !== undefined
