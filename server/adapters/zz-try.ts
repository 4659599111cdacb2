import { baseSandbox } from './base-sandbox.ts';
const log={debug(){},info(){},warn(...a:unknown[]){console.error('WARN',a)},error(){}};
const s=baseSandbox({nodePath:process.env['NODEPATH'] ?? process.execPath,helperPath:process.env['HELPER'] ?? '/work/main/helper/main.ts',npmFolder:null,log});
const mb=1024*1024;
const cmds=process.argv.slice(3);
const t0=performance.now();
const r=await s.run({workspace:{lower:process.argv[2]??'',delta:null,remove:[]},steps:cmds.map((command,i)=>({name:'s'+i,command})),limits:{wallMs:Number(process.env['WALL']??5000),cpuPercent:100,memoryBytes:256*mb,processes:64,diskBytes:32*mb,tmpBytes:8*mb,logBytes:65536,outputBytes:Number(process.env['OUT']??8*mb)}},e=>{if(e.type==='started')console.log('started',(performance.now()-t0).toFixed(1))},new AbortController().signal);
console.log('total',(performance.now()-t0).toFixed(1));
if(r.ok)for(const o of r.value){const{logBase64,...x}=o;console.log(JSON.stringify(x));console.log(Buffer.from(logBase64,'base64').toString().slice(0,3000));}else console.log(r);
