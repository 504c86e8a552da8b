import type { z } from 'zod'
import { goFlag, goName, goObject, goText } from './go-json.ts'
import { routing } from './messages.ts'

/** What was otherwise before release 1.0.4, as the releases 1.0.0 to 1.0.3 say it. */

/** Where something lies, in the terms of that time. Only what results need. */
const storageSchemaB = goObject({
  StorageSource: goText,
  Name: goText,
  CID: goText,
  URL: goText,
  S3: goObject({ Bucket: goText, Key: goText, Checksum: goText, VersionID: goText, Endpoint: goText, Region: goText }),
})
export type StorageB = z.output<typeof storageSchemaB>

export const onPublishCompleteSchema = goObject({
  ...routing,
  ExecutionID: goName,
  JobID: goName,
  PublishResult: storageSchemaB,
})

export const logAddressSchema = goObject({ ...routing, ExecutionID: goName, WithHistory: goFlag, Follow: goFlag })
export const logAddressResponseSchema = goObject({ Address: goText, ExecutionFinished: goFlag })
/** The first message on the stream at that address. */
export const logStreamSchema = goObject({ ExecutionID: goName, WithHistory: goFlag, Follow: goFlag })
