import { BacalhauError } from '../../../runtime/error.ts'

/** The name of an image, taken apart. */
export interface ImageReference {
  /** As it is shown and looked up: with its registry, if it names one, without tag and digest. */
  readonly repository: string
  /** The host that it comes from, `docker.io` where it names none. */
  readonly registry: string
  /** What `repository` is asked for: a tag, or a digest. */
  readonly version: string
  readonly pinned: boolean
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const HOST =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[\\da-fA-F:]+\\])(?::\\d{1,5})?'
/** https://github.com/distribution/reference: [host/]path[:tag][@digest] */
const REFERENCE = new RegExp(
  `^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[\\da-f]{64}))?$`,
)
const IMAGE_ID = /^(?:sha256:)?[\da-f]{64}$/
const MAX_LENGTH = 512

/** Throws `ImageInvalid`. The ID of an image that is here already has no registry: undefined. */
export function parseReference(text: string): ImageReference | undefined {
  if (IMAGE_ID.test(text)) return undefined
  const [, repository, tag, digest] = (text.length <= MAX_LENGTH && REFERENCE.exec(text)) || []
  if (repository === undefined) {
    throw new BacalhauError('ImageInvalid', `invalid image format: "${text.slice(0, MAX_LENGTH)}"`)
  }
  const [first = ''] = repository.split('/')
  const named =
    repository.includes('/') && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  return {
    repository,
    registry: named ? first : 'docker.io',
    version: digest ?? tag ?? 'latest',
    pinned: digest !== undefined,
  }
}
