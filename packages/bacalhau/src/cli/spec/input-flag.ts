import path from 'node:path'
import type { InputSourceSpec, SpecConfig } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'

/** Where an input is mounted when the flag does not say. */
const DEFAULT_TARGET = '/inputs'

/** Kind of a source that only the command line knows: a file or folder of this machine, which it uploads first. */
export const FILE_SOURCE = 'file'

const invalid = (text: string, problem: string, hint = 'An input looks like ./folder:/inputs or ipfs://Qm…:/inputs.') =>
  new BacalhauError('InvalidFlag', `input '${text}': ${problem}`, { hint })

type Options = ReadonlyMap<string, string>

/** An input of a job, as the flag `--input` writes it. Without a target it is mounted at `/inputs`. */
export function parseInputFlag(text: string): InputSourceSpec {
  const { source, target } = parseSource(text)
  return { Source: source, Alias: '', Target: target ?? defaultTarget(source) }
}

/**
 * Reads `SOURCE[:TARGET]` or `src=SOURCE,dst=TARGET,opt=NAME=VALUE`, in any order. A source without a scheme is a CID or a
 * path on this machine.
 */
export function parseSource(text: string): { source: SpecConfig; target: string | undefined } {
  const { source, target, options } = splitFlag(text)
  if (source === '') throw invalid(text, 'no source is named')
  if (target !== undefined && !target.startsWith('/'))
    throw invalid(text, `target '${target}' must be an absolute path`)
  return { source: toSource(text, source, options), target }
}

/** A single file appears under its own name, as people expect of a folder called `/inputs`. */
function defaultTarget({ Type, Params }: SpecConfig): string {
  const name =
    Type === FILE_SOURCE && !String(Params?.['Path']).endsWith('/') ? path.basename(String(Params?.['Path'])) : ''
  return path.extname(name) === '' ? DEFAULT_TARGET : `${DEFAULT_TARGET}/${name}`
}

function splitFlag(text: string): { source: string; target: string | undefined; options: Options } {
  const options = new Map<string, string>()
  let [source, target]: [string, string | undefined] = ['', undefined]
  // A comma separates only where a known key follows: paths and S3 patterns may contain commas.
  for (const [index, part] of text.split(/,(?=(?:src|source|dst|destination|target|opt|option)=)/).entries()) {
    const match = /^(?:(src|source)|(dst|destination|target)|opt|option)=(.*)$/s.exec(part)
    const value = match?.[3] ?? ''
    if (match === null && index === 0) [source, target] = splitTarget(part)
    else if (match?.[1] !== undefined) source = value
    else if (match?.[2] !== undefined) target = value
    else {
      const at = value.indexOf('=')
      if (at < 1) throw invalid(text, `option '${value}' is not of the form opt=NAME=VALUE`)
      options.set(value.slice(0, at), value.slice(at + 1))
    }
  }
  return { source, target, options }
}

/** Cuts at the last `:/` that does not belong to `://`, nor to a drive letter. */
function splitTarget(text: string): [source: string, target: string | undefined] {
  for (let at = text.lastIndexOf(':/'); at > 1; at = text.lastIndexOf(':/', at - 1)) {
    if (text[at + 2] !== '/') return [text.slice(0, at), text.slice(at + 1)]
  }
  return [text, undefined]
}

function toSource(text: string, source: string, options: Options): SpecConfig {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z\d+.-]+):\/\/(.*)$/s.exec(source) ?? []
  const kind = scheme?.toLowerCase()
  const allowed = OPTIONS[kind ?? ''] ?? []
  for (const name of options.keys()) {
    if (!allowed.includes(name)) {
      throw invalid(
        text,
        `unknown option '${name}'`,
        allowed.length > 0 ? `Options are ${allowed.join(', ')}.` : undefined,
      )
    }
  }
  switch (kind) {
    case undefined:
      return looksLikeCid(source) ? ipfs(source) : { Type: FILE_SOURCE, Params: { Path: source } }
    case 'ipfs':
      return ipfs(rest)
    case 'http':
    case 'https':
      return { Type: 'urlDownload', Params: { URL: source } }
    case 's3':
      return s3(text, rest, options)
    case 'file':
      return local(text, rest, options)
    case 'job':
      return results(text, rest, options)
    default:
      throw invalid(text, `unknown kind of source '${scheme}://'`, 'Known are ipfs, http, https, s3, job and file.')
  }
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  s3: ['region', 'endpoint', 'filter', 'versionID', 'checksum-256'],
  file: ['rw'],
  job: ['partition', 'execution'],
}

/** The CIDs that people meet: version 0, and version 1 in base32. */
export const looksLikeCid = (text: string): boolean =>
  /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{58,})(?:\/.*)?$/.test(text)

const ipfs = (CID: string): SpecConfig => ({ Type: 'ipfs', Params: { CID } })

function s3(text: string, rest: string, options: Options): SpecConfig {
  const [, Bucket = '', Key = ''] = /^([^/]*)\/?(.*)$/s.exec(rest) ?? []
  if (Bucket === '') throw invalid(text, 'no bucket is named', 'An S3 source looks like s3://bucket/key.')
  const optional = {
    Region: options.get('region'),
    Endpoint: options.get('endpoint'),
    Filter: options.get('filter'),
    VersionID: options.get('versionID'),
    ChecksumSHA256: options.get('checksum-256'),
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { Type: 's3', Params: { Bucket, Key, ...Object.fromEntries(given) } }
}

/** What another job has left, or what is at a path in it. */
function results(text: string, rest: string, options: Options): SpecConfig {
  const [, JobID = '', Path = ''] = /^([^/]*)\/?(.*?)\/*$/s.exec(rest) ?? []
  const hint = 'The results of a job look like job://j-1a2b3c4d or job://j-1a2b3c4d/outputs.'
  if (JobID === '') throw invalid(text, 'no job is named', hint)
  const [partition, ExecutionID] = [options.get('partition'), options.get('execution')]
  if (partition !== undefined && !/^\d{1,7}$/.test(partition)) {
    throw invalid(text, `the partition '${partition}' is not a number`, hint)
  }
  return {
    Type: 'job',
    Params: {
      JobID,
      ...(Path === '' ? {} : { Path }),
      ...(partition === undefined ? {} : { Partition: Number(partition) }),
      ...(ExecutionID === undefined ? {} : { ExecutionID }),
    },
  }
}

/** `file://` is a path on the node that runs the job, which its operator has to allow. */
function local(text: string, rest: string, options: Options): SpecConfig {
  const hint =
    'file:// names a folder of the compute node, for example file:///data; for one of this machine leave it out.'
  if (!rest.startsWith('/')) throw invalid(text, 'the path must be absolute', hint)
  return { Type: 'local', Params: { SourcePath: rest, ReadWrite: options.get('rw') === 'true' } }
}
