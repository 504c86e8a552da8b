import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CATALOGUE, type ErrorCode } from './error-catalogue.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from './error.ts'

describe('BacalhauError', () => {
  test('takes status, retryability and hint from the catalogue', () => {
    const error = new BacalhauError('DiskFull', 'no room')
    assert.deepEqual([error.name, error.message, error.code], ['BacalhauError', 'no room', 'DiskFull'])
    assert.deepEqual([error.status, error.retryable], [507, true])
    assert.equal(error.hint, CATALOGUE.DiskFull.hint)
    assert.deepEqual([error.component, error.details, error.cause], [undefined, {}, undefined])
    assert.equal(Object.hasOwn(error, 'cause'), false)
  })

  test('says more where more is known', () => {
    const cause = new Error('ENOSPC')
    const options = { hint: 'Buy a disk.', component: 'JobStore', details: { path: '/data' }, cause }
    const error = new BacalhauError('DiskFull', 'no room', options)
    assert.deepEqual([error.hint, error.component, error.details, error.cause], Object.values(options))
  })

  test('is known again from another copy of the module, and nothing else is taken for it', () => {
    assert.ok(isBacalhauError(new BacalhauError('NotFound', 'x')))
    const copy = Object.assign(new Error('x'), { name: 'BacalhauError', code: 'NotFound', status: 404 })
    assert.ok(isBacalhauError(copy))
    for (const other of [
      null,
      'BacalhauError',
      new Error('x'),
      { name: 'BacalhauError', code: 'NotFound', status: 404 },
    ]) {
      assert.equal(isBacalhauError(other), false)
    }
  })
})

test('anything that is thrown has a message, and errors of the system their code', () => {
  assert.equal(messageOf(new Error('a')), 'a')
  for (const value of ['a', 5, null, undefined]) assert.equal(messageOf(value), String(value))
  assert.equal(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
  for (const other of [new Error('x'), Object.assign(new Error('x'), { code: 5 }), { code: 'ENOENT' }, null]) {
    assert.equal(systemCode(other), undefined)
  }
})

describe('the catalogue', () => {
  const entries = Object.entries(CATALOGUE)

  test('gives each code the form of a name, a failing status, and a hint that is a sentence', () => {
    for (const [code, { status, hint }] of entries) {
      assert.match(code, /^[A-Z][A-Za-z]+$/)
      assert.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code} ${status}`)
      assert.ok(hint === undefined || /^[A-Z`].*\.$/.test(hint), `${code}: ${hint}`)
    }
  })

  test('never asks to try again what the caller has to change first', () => {
    const wrong = entries.filter(
      ([, { status, retryable }]) => retryable && [400, 401, 403, 405, 413, 415, 501].includes(status),
    )
    assert.deepEqual(wrong, [])
  })

  test('keeps its promises: a code that was given out keeps its status', () => {
    for (const [code, status] of Object.entries(PROMISED))
      assert.equal(CATALOGUE[code as ErrorCode]?.status, status, code)
  })

  test('every code is among the promises', () => {
    assert.deepEqual(
      Object.keys(CATALOGUE).filter((code) => !Object.hasOwn(PROMISED, code)),
      [],
    )
  })
})

/** Codes and statuses as programs of users rely on them. Add to it; change nothing. */
const PROMISED: Readonly<Record<string, number>> = {
  BadRequest: 400,
  ValidationError: 400,
  InvalidFlag: 400,
  NotFound: 404,
  Unauthorized: 401,
  Forbidden: 403,
  MethodNotAllowed: 405,
  Conflict: 409,
  Gone: 410,
  IdempotencyKeyReused: 422,
  PayloadTooLarge: 413,
  RangeNotSatisfiable: 416,
  UnsupportedMediaType: 415,
  TooManyRequests: 429,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  TimeOut: 504,
  RequestCancelled: 499,
  InternalError: 500,
  Unreachable: 503,
  BadAnswer: 502,
  LogsFailed: 502,
  Unknown: 500,
  ConfigurationError: 400,
  InvalidMultiaddr: 400,
  KeyFileInvalid: 400,
  DataDirUnusable: 400,
  PortInUse: 409,
  PeerUnreachable: 503,
  PeerIdMismatch: 409,
  SwarmKeyInvalid: 400,
  SwarmKeyMismatch: 409,
  StoreCorrupt: 500,
  InvalidCid: 400,
  ContentNotFound: 404,
  ContentTooLarge: 413,
  ContentInvalid: 422,
  DiskFull: 507,
  NoNodes: 503,
  EngineMissing: 400,
  NotEnoughResources: 400,
  JobFailed: 500,
  NodeLost: 502,
  ExecutionTimeout: 504,
  ExecutionCancelled: 409,
  InputFailed: 502,
  InlineDataLost: 410,
  PublishFailed: 502,
  EngineUnavailable: 503,
  EnvRefused: 422,
  WasmHttpLimit: 500,
  NetworkLimit: 500,
  EngineFailed: 502,
  ImageInvalid: 400,
  ImageNotFound: 404,
  ImagePlatform: 409,
  ContainerStartFailed: 400,
  MemoryLimit: 500,
  DiskLimit: 500,
  FileLimit: 500,
  WasmModuleMissing: 400,
  WasmNotAModule: 400,
  WasmInvalidModule: 400,
  WasmTooComplex: 400,
  WasmMissingEntrypoint: 400,
  WasmMissingImport: 400,
  WasmImportMismatch: 400,
  WasmTrap: 500,
  WasmMemoryExhausted: 500,
  WasmStackExhausted: 500,
  WasmOutputLimit: 500,
  WasmDiskLimit: 500,
  WasmFileLimit: 500,
  SandboxCrashed: 500,
}
