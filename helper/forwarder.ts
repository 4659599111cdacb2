/**
 * The inner half of the way out: a port on the loopback of the sandbox's own network, because programs know proxies by address
 * and not by socket file. It runs as the untrusted user and has no say in anything: the door judges.
 */
import { inside } from './workspace.ts';

export const forwarderPort = 3128;
export const forwarderPath = '/opt/door/forwarder.cjs';
/** Threads of its Node, which count as processes of the sandbox. */
export const forwarderTasksMax = 16;

/**
 * Says "listening" and closes its standard output once it does, so that a shell can wait for that. A refusal of the door is
 * printed once, into the log of the step, where the owner looks for why an installation failed.
 */
export const forwarderProgram = `const net = require('node:net');
const fs = require('node:fs');
const said = new Set();
function tell(answer) {
  if (/^HTTP\\/1\\.1 200 /.test(answer)) return;
  const sentence = answer.split('\\r\\n\\r\\n')[1]?.trim() ?? '';
  if (sentence === '' || said.has(sentence) || said.size >= 20) return;
  said.add(sentence);
  try {
    fs.writeSync(2, 'patchgit: ' + sentence + '\\n');
  } catch {
    // The log is full or closed; the program that asked has the sentence too.
  }
}
const server = net.createServer({ allowHalfOpen: true }, (client) => {
  const door = net.connect({ path: '${inside.door}', allowHalfOpen: true });
  const end = () => (client.destroy(), door.destroy());
  for (const socket of [client, door]) {
    socket.on('error', end);
    socket.once('close', () => (socket.readableEnded && socket.writableFinished ? undefined : end()));
  }
  door.once('data', (chunk) => tell(chunk.toString('utf8')));
  client.pipe(door);
  door.pipe(client);
});
server.listen(${forwarderPort}, '127.0.0.1', () => {
  fs.writeSync(1, 'listening');
  fs.closeSync(1);
  // Node looks at its standard output now and then; it must not become the number of a connection.
  fs.openSync('/dev/null', 'w');
});
`;

/** How programs are told of a proxy: nearly all by the first four, the others by names of their own. */
export function proxyEnvironment(): Readonly<Record<string, string>> {
  const proxy = `http://127.0.0.1:${forwarderPort}`;
  const here = 'localhost,127.0.0.1,::1';
  const java = ['http', 'https'].map((kind) => `-D${kind}.proxyHost=127.0.0.1 -D${kind}.proxyPort=${forwarderPort}`);
  const names = [
    ['HTTPS_PROXY', 'HTTP_PROXY', 'https_proxy', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
    [
      'npm_config_proxy',
      'npm_config_https_proxy',
      'YARN_HTTP_PROXY',
      'YARN_HTTPS_PROXY',
      'PIP_PROXY',
      'CARGO_HTTP_PROXY',
    ],
  ].flat();
  return {
    ...Object.fromEntries(names.map((name) => [name, proxy])),
    NO_PROXY: here,
    no_proxy: here,
    // Node's own fetch and https do not look at the names above by themselves.
    NODE_USE_ENV_PROXY: '1',
    JAVA_TOOL_OPTIONS: java.join(' '),
    // Maven's own transport looks at the properties of Java only when it is told to.
    MAVEN_ARGS: '-Daether.connector.http.useSystemProperties=true',
  };
}
