/**
 * A program of its own, the least a durable answer can be: a WebSocket that writes 4 KiB, makes it durable and echoes.
 * `node echo-floor.ts FILE` prints its port.
 */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const page = Buffer.alloc(4096, 7);
// Appended, as every log grows. Writing over what is there already would be cheaper, and keeps nothing.
const file = openSync(process.argv[2] ?? '', 'a');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (bytes: Buffer) => {
    writeSync(file, page);
    fdatasyncSync(file);
    socket.send(bytes);
  });
});
server.on('listening', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});
// Whoever started it is gone.
process.stdin.on('end', () => process.exit()).resume();
