/** A small base with one file of every kind that patches stumble over, and a good diff to damage. */
import type { Files } from './repository.ts';

export const queue = `// a queue with a limit
import { log } from "./log.js";

export function push(queue, item) {
  if (queue.length >= 10) {
    throw new Error("queue is full");
  }
  queue.push(item);
}

export function size(queue) {
  return queue.length;
}

export function first(queue) {
  if (queue === undefined) {
    return;
  }
  return queue[0];
}

export function last(queue) {
  if (queue === undefined) {
    return;
  }
  return queue.at(-1);
}

export function clear(queue) {
  log("clearing");
  queue.length = 0;
}
`;

export const sample: Files = {
  'src/queue.js': queue,
  'src/log.js': 'export const log = (text) => console.log(text);\n',
  'readme.md': '# Queue\n\nUse it so:\n\n```js\npush(queue, 1);\n```\n\nThat is all.\n',
  'page.html': '<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>\n<p class="a">x</p>\n<p>end</p>\n',
  'windows.txt': 'one\r\ntwo\r\nthree\r\nfour\r\n',
  'mixed.txt': 'one\r\ntwo\nthree\r\nfour\n',
  'open.txt': 'alpha\nbeta\ngamma',
  'build.mk': 'all:\n\tcc -o a a.c\n\tcc -o b b.c\n\nclean:\n\trm -f a b\n',
  'tool.py':
    'class Tool:\n    def run(self):\n        self.start()\n        self.stop()\n\n    def stop(self):\n        pass\n',
  'marked.csv': '\ufeffname,value\nx,1\n',
  'empty.txt': '',
  'latin.txt': Buffer.from('nom: Zo\xeb\nville: K\xf6ln\nfin\n', 'latin1'),
  'docs/a name.txt': 'one\ntwo\nthree\n',
  'image.bin': Buffer.from([0, 1, 2, 255, 254, 0, 10, 13]),
  'run.sh': { mode: '100755', content: Buffer.from('#!/bin/sh\nset -e\necho run\n') },
  link: { mode: '120000', content: Buffer.from('src/log.js') },
};

export const wanted = queue.replace('new Error("queue is full")', 'new RangeError("queue is full")');

export const goodHunk = `@@ -3,7 +3,7 @@
${' '}
 export function push(queue, item) {
   if (queue.length >= 10) {
-    throw new Error("queue is full");
+    throw new RangeError("queue is full");
   }
   queue.push(item);
 }
`;

export const goodHead = 'diff --git a/src/queue.js b/src/queue.js\n--- a/src/queue.js\n+++ b/src/queue.js\n';
export const good = goodHead + goodHunk;
