import { loadSdk, type S3Clients, type S3Site } from './clients.ts'

/** One object. */
export interface S3Place extends S3Site {
  readonly Bucket: string
  readonly Key: string
}

/** What Amazon allows at most, in seconds. */
const LONGEST = 7 * 24 * 60 * 60

const seconds = (milliseconds: number): number => Math.min(LONGEST, Math.max(1, Math.floor(milliseconds / 1_000)))

const loadSigner = () => Promise.all([loadSdk(), import('@aws-sdk/s3-request-presigner')])

/** A URL that gets one object for so many milliseconds, without credentials. Nobody is asked: the object need not be there. */
export async function signGet(clients: S3Clients, place: S3Place, lasting: number): Promise<string> {
  const [{ GetObjectCommand }, { getSignedUrl }] = await loadSigner()
  const { Bucket, Key, ...site } = place
  const command = new GetObjectCommand({ Bucket, Key })
  return getSignedUrl(await clients.clientFor(site), command, { expiresIn: seconds(lasting) })
}

/** A URL that puts one object of exactly so many bytes. */
export async function signPut(
  clients: S3Clients,
  place: S3Place,
  bytes: number,
  lasting: number,
): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }> {
  const [{ PutObjectCommand }, { getSignedUrl }] = await loadSigner()
  const { Bucket, Key, ...site } = place
  const command = new PutObjectCommand({ Bucket, Key, ContentLength: bytes })
  const url = await getSignedUrl(await clients.clientFor(site), command, { expiresIn: seconds(lasting) })
  return { url, headers: { 'content-length': String(bytes), 'content-type': 'application/octet-stream' } }
}
