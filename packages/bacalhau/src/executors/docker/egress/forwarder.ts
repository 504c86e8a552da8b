/**
 * A program for the gate: takes connections at the loopback of the network that a job shares with it, and hands each to the node
 * over a socket in the file system, as it is. It understands nothing of what goes through. Its first connection says that it is there.
 * It runs as it stands, so that nothing in it may need TypeScript.
 */
import { connect, createServer } from 'node:net'
import { argv, exit } from 'node:process'

const [, , port = '', path = ''] = argv

createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ path, allowHalfOpen: true })
  const fall = () => {
    near.destroy()
    far.destroy()
  }
  near.on('error', fall).on('close', () => near.readableEnded || fall())
  far.on('error', fall).on('close', () => far.readableEnded || fall())
  near.pipe(far).pipe(near)
}).listen(Number(port), '127.0.0.1', () => {
  const first = connect(path, () => first.end())
  first.on('error', (error) => {
    console.error(error.message)
    exit(1)
  })
})
