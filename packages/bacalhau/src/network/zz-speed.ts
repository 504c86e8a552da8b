import { createHost } from '/work/main/packages/bacalhau/src/network/host.ts'
import { generateNodeKey } from '/work/main/packages/bacalhau/src/network/identity.ts'
const K=Buffer.alloc(32,1)
for (const swarmKey of [undefined,K,undefined,K]) {
  const mk=async()=>createHost({key:(await generateNodeKey()).bytes,port:0,listen:['127.0.0.1'],...(swarmKey?{swarmKey}:{})} as any)
  const [a,b]=[await mk(),await mk()]
  const total=400e6; let done: any; const p=new Promise(r=>done=r)
  await b.handle('/s/1',async(s:any)=>{let n=0; for await(const x of s){n+=x.byteLength; if(n>=total){done();break}}})
  const s:any=await a.dialProtocol(b.getMultiaddrs(),'/s/1'); const chunk=new Uint8Array(65536)
  const t=performance.now(); let n=0
  while(n<total){ if(!s.send(chunk)) await s.onDrain(); n+=chunk.length }
  await p; const e=(performance.now()-t)/1000; console.log(swarmKey?'private':'open',(total/1e6/e).toFixed(0),'MB/s'); await a.stop(); await b.stop()
}
process.exit()
