import { BacalhauError } from '../runtime/error.ts'

/** The content of a key file: one line of standard base64 of the libp2p protobuf, as the Go program writes it. */
export function encodeKeyText(protobuf: Uint8Array): string {
  return `${Buffer.from(protobuf).toString('base64')}\n`
}

/** The protobuf in a key file. Throws `KeyFileInvalid`, saying what the file holds instead. */
export function decodeKeyText(content: Uint8Array, origin: string): Uint8Array {
  const found = foreign(content)
  // The Go decoder passes over line ends, wherever they are.
  const text = Buffer.from(content)
    .toString('latin1')
    .replaceAll(/[\r\n]/g, '')
  const bytes = Buffer.from(text, 'base64')
  if (found === undefined && bytes.toString('base64') === text) return bytes
  throw new BacalhauError(
    'KeyFileInvalid',
    `${origin} ${found ?? 'is not base64, or was cut off'}; expected is one line of base64 with a libp2p private key.`,
  )
}

function foreign(content: Uint8Array): string | undefined {
  const text = Buffer.from(content).toString('latin1')
  const pem = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)
  if (pem !== null) return `is a PEM file (${pem[1]})`
  if (text.trim() === '') return 'is empty'
  if (/^\s*[{[]/.test(text)) return 'is JSON'
  if (text.startsWith('\x08') && text.charAt(2) === '\x12') return 'holds a bare protobuf'
  if (/[^\t\n\r -~]/.test(text)) return 'is a binary file'
  return undefined
}
