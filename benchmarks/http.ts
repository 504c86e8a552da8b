import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

/**
 * Keep-alive connections to one server, each with one request at a time. It knows only what this program's API answers with
 * (HTTP/1.1 with a Content-Length), and so takes a tenth of the processor time of a general client: the client shares the
 * machine with what it measures.
 */
export class Connections {
  readonly #url: URL
  readonly #idle: Connection[]
  readonly #waiting: ((connection: Connection) => void)[] = []

  constructor(baseUrl: string, count: number) {
    this.#url = new URL(baseUrl)
    this.#idle = Array.from({ length: count }, () => new Connection(this.#url))
  }

  /** Rejects when the connection breaks before the answer is complete. Waits for a free connection. */
  async ask(method: string, path: string, body: Uint8Array = EMPTY): Promise<Answer> {
    const connection = this.#idle.pop() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)))
    try {
      return await connection.ask(method, path, body)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(connection)
      else next(connection)
    }
  }

  /** The document that the server answers with. Throws when it is not a success. */
  async json<T>(method: string, path: string, body?: Uint8Array): Promise<T> {
    const answer = await this.ask(method, path, body)
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`)
    return JSON.parse(answer.body.toString()) as T
  }

  close(): void {
    for (const connection of this.#idle) connection.close()
  }
}

const EMPTY = new Uint8Array()
const HEADERS_END = Buffer.from('\r\n\r\n')

interface Pending {
  resolve(answer: Answer): void
  reject(error: Error): void
}

class Connection {
  readonly #url: URL
  #socket: Socket | undefined
  #chunks: Buffer[] = []
  /** Bytes of the whole answer, once its headers are there. */
  #expected: { readonly head: string; readonly start: number; readonly end: number } | undefined
  #length = 0
  #pending: Pending | undefined

  constructor(url: URL) {
    this.#url = url
  }

  async ask(method: string, path: string, body: Uint8Array): Promise<Answer> {
    const socket = this.#socket ?? (await this.#open())
    const length = body.length === 0 ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.#url.host}\r\n${length}\r\n`
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      socket.cork()
      socket.write(head)
      if (body.length > 0) socket.write(body)
      socket.uncork()
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  async #open(): Promise<Socket> {
    const socket = connect({ port: Number(this.#url.port), host: this.#url.hostname, noDelay: true })
    await once(socket, 'connect')
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
    this.#socket = socket
    return socket
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#expected === undefined) this.#readHead()
    if (this.#expected === undefined || this.#length < this.#expected.end) return
    const { head, start, end } = this.#expected
    const body = this.#joined().subarray(start, end)
    this.#forget()
    this.#settle()?.resolve({ status: Number(head.slice(9, 12)), body })
  }

  #readHead(): void {
    const received = this.#joined()
    const at = received.indexOf(HEADERS_END)
    if (at < 0) return
    const head = received.toString('latin1', 0, at)
    const length = /^content-length: *(\d+)/im.exec(head)?.[1]
    if (length === undefined) return this.#fail(new Error(`an answer without a length:\n${head}`))
    const start = at + HEADERS_END.length
    this.#expected = { head, start, end: start + Number(length) }
  }

  #joined(): Buffer {
    const [first] = this.#chunks
    const received = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#chunks = [received]
    return received
  }

  #forget(): void {
    this.#chunks = []
    this.#length = 0
    this.#expected = undefined
  }

  #fail(error: Error): void {
    this.#socket?.destroy()
    this.#socket = undefined
    this.#forget()
    this.#settle()?.reject(error)
  }

  #settle(): Pending | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending
  }
}
