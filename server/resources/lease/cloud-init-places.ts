/** Where things are on a helper, and who is who: what its orders set up, and what whoever connects to it relies on. */

/** Numbers are fixed, because the firewall must know them before the users are made. */
export const users = {
  /** The only one who can log in. May reach the network; holds no secret. */
  login: { name: 'patchgit', uid: 4301 },
  /** Runs what is to be proved. Has no shell, and has no network at all. */
  run: { name: 'patchgit-run', uid: 4302 },
  /** Runs the door of the set-up phase. May ask for names and reach port 443 of public addresses, and nothing else. */
  door: { name: 'patchgit-door', uid: 4303 },
} as const;

export const places = {
  home: '/var/lib/patchgit',
  /** Where the login user puts dist/helper.cjs before it uses `helperCommand`. */
  helperProgram: '/var/lib/patchgit/helper.cjs',
  /** For the trees that are to be proved, and for layers: of the run user, who can write there only through what `store` leads to. */
  trees: '/var/lib/patchgit-store',
  /** Beside the program: what is done in `trees`, a script (adapters/remote-sandbox-store.ts). */
  storeProgram: '/var/lib/patchgit/store.sh',
  /**
   * Leads to a run of something as the run user. The word after it says of what: none or "check": of the helper, with an assignment on
   * standard input and frames on standard output; "set-up": of the helper where the door is; "store": of the script above.
   */
  helperCommand: '/opt/patchgit/helper',
  /** The only way out of a set-up. */
  doorSocket: '/run/patchgit-door/door.sock',
  /** Of root: one host name a line; no set-up reaches any other. */
  doorHosts: '/etc/patchgit/registries',
  /** Beside the program: those of them that the next set-up may reach. */
  wantedHosts: '/var/lib/patchgit/registries',
  /** Of root: what `sha256sum --check` reads about the program. */
  doorDigest: '/etc/patchgit/door.sha256',
  door: '/opt/patchgit/door',
  /** The runtime that was baked in, or the distribution's. */
  node: '/opt/patchgit/node',
  bridge: '/opt/patchgit/bridge.cjs',
  newerPromise: '/opt/patchgit/newer-promise.cjs',
  inOwnGroup: '/opt/patchgit/in-own-group',
  prepare: '/opt/patchgit/prepare',
  firewall: '/etc/patchgit/firewall.nft',
  authorizedKeys: '/etc/patchgit/authorized_keys',
  sshdConfig: '/etc/ssh/sshd_config.d/00-patchgit.conf',
  bake: '/opt/patchgit/bake',
  /** Of the login user: who makes an image is connected. */
  bakeGo: '/var/lib/patchgit/go',
  /** Made by `patchgit helper bake`: everything is installed. */
  bakedMarker: '/etc/patchgit/baked',
  /** JSON `{"machine", "image", "node"}`, written last. In memory: no snapshot carries it, and a machine that was started again has none. */
  readyMarker: '/run/patchgit/ready',
  /** A sentence: at which step the machine gave up. */
  failedMarker: '/run/patchgit/failed',
  /** What cloud-init and its scripts print, where the distributions' own settings put it; the login user may read it. */
  bootLog: '/var/log/cloud-init-output.log',
  /** Where a model answers on the loopback; the only port that is forwarded. */
  modelPort: 11434,
} as const;
