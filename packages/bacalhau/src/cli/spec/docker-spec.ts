import type { JobSpec } from '@bacalhau/models'
import type { dockerRunFlags } from '../catalogue/running.ts'
import { type FlagValues, invalidFlag } from '../flag.ts'
import { jobOfFlags } from './job-of-flags.ts'

/** The job that `docker run` describes by its flags. `[image, ...command]` are its arguments. */
export function dockerSpec(
  [image = '', ...command]: readonly string[],
  flags: FlagValues<typeof dockerRunFlags>,
  env: Readonly<Record<string, string | undefined>>,
): JobSpec {
  const { workdir, entrypoint } = flags
  if (workdir !== undefined && !workdir.startsWith('/')) {
    throw invalidFlag('workdir', `'${workdir}' must be an absolute path`)
  }
  const engine = {
    Type: 'docker',
    // Clients of this era send all five; null stands for what the image says.
    Params: {
      Image: image,
      Entrypoint: orNull(entrypoint),
      Parameters: orNull(command),
      EnvironmentVariables: null,
      WorkingDirectory: workdir ?? '',
    },
  }
  return jobOfFlags(flags, engine, [], env)
}

const orNull = (words: readonly string[]) => (words.length === 0 ? null : [...words])
