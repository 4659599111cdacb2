/** Where things are on a helper, and who is who: what its orders set up, and what whoever connects to it relies on. */

/** Numbers are fixed, because the firewall must know them before the users are made. */
export const users = {
  /** The only one who can log in. May reach the network; holds no secret. */
  login: { name: 'patchgit', uid: 4301 },
  /** Runs what is to be proved. Has no shell, and has no network at all. */
  run: { name: 'patchgit-run', uid: 4302 },
} as const;

export const places = {
  home: '/var/lib/patchgit',
  /** Where the login user puts dist/helper.cjs before it uses `helperCommand`. */
  helperProgram: '/var/lib/patchgit/helper.cjs',
  /** For the trees that are to be proved: of the login user, and open to the run user. */
  trees: '/var/lib/patchgit/trees',
  /** One run of the helper as the run user: an assignment on standard input, frames on standard output. */
  helperCommand: '/opt/patchgit/helper',
  /** The runtime that was baked in, or the distribution's. */
  node: '/opt/patchgit/node',
  bridge: '/opt/patchgit/bridge.cjs',
  newerPromise: '/opt/patchgit/newer-promise.cjs',
  inOwnGroup: '/opt/patchgit/in-own-group',
  prepare: '/opt/patchgit/prepare',
  firewall: '/etc/patchgit/firewall.nft',
  authorizedKeys: '/etc/patchgit/authorized_keys',
  sshdConfig: '/etc/ssh/sshd_config.d/00-patchgit.conf',
  /** Made by `patchgit helper bake`: everything is installed. */
  bakedMarker: '/etc/patchgit/baked',
  /** JSON `{"machine", "image", "node"}`, written last. In memory: no snapshot carries it, and a machine that was started again has none. */
  readyMarker: '/run/patchgit/ready',
  /** A sentence: at which step the machine gave up. */
  failedMarker: '/run/patchgit/failed',
  /** Where a model answers on the loopback; the only port that is forwarded. */
  modelPort: 11434,
} as const;
