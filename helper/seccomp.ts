/**
 * The system call filter of the sandbox, assembled by hand so that nothing native is needed: a classic BPF program over
 * `struct seccomp_data { int nr; u32 arch; u64 instruction_pointer; u64 args[6] }` (seccomp(2), linux/filter.h).
 * Default is allow, because checks are ordinary programs; what is refused is what a check never needs and an escape does.
 */
export type Architecture = 'x64' | 'arm64';

/** Which architectures have a table here. */
export function isKnownArchitecture(name: string): name is Architecture {
  return name === 'x64' || name === 'arm64';
}

/**
 * The program as bytes for `bwrap --seccomp`: 8 bytes per instruction, little-endian as both architectures are.
 * Linear on purpose: one compare and one answer per refused call needs no jump arithmetic that could be wrong, and the
 * kernel caches the answer of every call that is always allowed (5.11 and newer).
 */
export function seccompProgram(architecture: Architecture): Buffer {
  const column = architecture === 'x64' ? 0 : 1;
  const number = (name: keyof typeof judgedCalls): number => judgedCalls[name][column];
  const program: Instruction[] = [
    load(offsetOfArch),
    ...unlessEqual(auditArch[architecture], answer(killProcess)),
    load(offsetOfNumber),
  ];
  if (architecture === 'x64') {
    // x32 calls share the architecture value of x86_64 and carry bit 30; 512 to 547 are x32 doubles that old kernels
    // also took without the bit. Both would step around every number below.
    program.push(...whenAtLeast(0x4000_0000, answer(killProcess)));
    program.push(...whenBetween(512, 547, answer(killProcess)));
  }
  for (const [x64, arm64] of Object.values(refusedCalls)) {
    const nr = column === 0 ? x64 : arm64;
    if (nr !== null) program.push(...whenEqual(nr, [answer(errno.EPERM)]));
  }
  // clone3 takes its flags through memory, which a filter cannot read. "Not implemented" makes libc use clone instead.
  program.push(...whenEqual(number('clone3'), [answer(errno.ENOSYS)]));
  program.push(...whenEqual(number('clone'), [load(offsetOfArgument(0)), ...whenAnyBit(newNamespaceFlags), allow]));
  program.push(
    ...whenEqual(number('ioctl'), [
      load(offsetOfArgument(1)),
      ...whenEqual(ioctlPushInput, [answer(errno.EPERM)]),
      ...whenEqual(ioctlLinuxConsole, [answer(errno.EPERM)]),
      allow,
    ]),
  );
  for (const name of ['socket', 'socketpair'] as const) {
    program.push(
      ...whenEqual(number(name), [
        load(offsetOfArgument(0)),
        ...socketFamilies.flatMap((family) => whenEqual(family, [allow])),
        answer(errno.EAFNOSUPPORT),
      ]),
    );
  }
  program.push(allow);
  return assemble(program);
}

interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
}

const offsetOfNumber = 0;
const offsetOfArch = 4;
/** The low half: the kernel reads int and unsigned int arguments from it, so high bits cannot hide a value. */
const offsetOfArgument = (index: number): number => 16 + 8 * index;

const loadWordAbsolute = 0x20; // BPF_LD | BPF_W | BPF_ABS
const jumpIfEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const jumpIfAtLeast = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const jumpIfAnyBit = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const returnConstant = 0x06; // BPF_RET | BPF_K

const allowCall = 0x7fff_0000; // SECCOMP_RET_ALLOW
const killProcess = 0x8000_0000; // SECCOMP_RET_KILL_PROCESS
const failWith = (code: number): number => 0x0005_0000 | code; // SECCOMP_RET_ERRNO
const errno = { EPERM: failWith(1), ENOSYS: failWith(38), EAFNOSUPPORT: failWith(97) };

/** AUDIT_ARCH_* of linux/audit.h. */
const auditArch: Record<Architecture, number> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET; NEWTIME cannot be asked of clone. */
const newNamespaceFlags = 0x7e02_0000;
/** TIOCSTI types into the caller's terminal (CVE-2017-5226); TIOCLINUX pastes into a console. */
const ioctlPushInput = 0x5412;
const ioctlLinuxConsole = 0x541c;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Others (vsock, packet, alg, ...) are not all bound to the network namespace. */
const socketFamilies = [1, 2, 10, 16] as const;

/** Calls judged by an argument: numbers on x86_64 and on aarch64. */
export const judgedCalls = {
  clone: [56, 220],
  clone3: [435, 435],
  ioctl: [16, 29],
  socket: [41, 198],
  socketpair: [53, 199],
} as const satisfies Record<string, readonly [number, number]>;

/** Calls refused with EPERM: numbers on x86_64 and on aarch64, null where the call does not exist. */
export const refusedCalls = {
  // Looking into or taking over another process. pidfd_getfd is what would let a check take the descriptor through
  // which bubblewrap's init reports the exit code, and write a verdict of its own.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // Large kernel surfaces with a long record of privilege bugs.
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  fanotify_init: [300, 262],
  modify_ldt: [154, null],
  // Keyrings are not divided by every namespace.
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  // Mounts, namespaces and roots.
  mount: [165, 40],
  umount2: [166, 39],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  move_mount: [429, 429],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  mount_setattr: [442, 442],
  setns: [308, 268],
  unshare: [272, 97],
  chroot: [161, 51],
  pivot_root: [155, 41],
  open_by_handle_at: [304, 265],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  swapon: [167, 224],
  swapoff: [168, 225],
  // The machine itself.
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  create_module: [174, null],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  syslog: [103, 116],
  acct: [163, 89],
  reboot: [169, 142],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  vhangup: [153, 58],
  lookup_dcookie: [212, 18],
  nfsservctl: [180, 42],
  uselib: [134, null],
  _sysctl: [156, null],
  iopl: [172, null],
  ioperm: [173, null],
} as const satisfies Record<string, readonly [number, number | null]>;

function load(offset: number): Instruction {
  return { code: loadWordAbsolute, whenTrue: 0, whenFalse: 0, k: offset };
}

function answer(value: number): Instruction {
  return { code: returnConstant, whenTrue: 0, whenFalse: 0, k: value };
}

const allow = answer(allowCall);

/** Runs `body` when the loaded word equals `value`, else steps over it. The body must end in an answer. */
function whenEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [{ code: jumpIfEqual, whenTrue: 0, whenFalse: body.length, k: value }, ...body];
}

function unlessEqual(value: number, otherwise: Instruction): Instruction[] {
  return [{ code: jumpIfEqual, whenTrue: 1, whenFalse: 0, k: value }, otherwise];
}

function whenAtLeast(value: number, then: Instruction): Instruction[] {
  return [{ code: jumpIfAtLeast, whenTrue: 0, whenFalse: 1, k: value }, then];
}

function whenBetween(first: number, last: number, then: Instruction): Instruction[] {
  return [
    { code: jumpIfAtLeast, whenTrue: 0, whenFalse: 2, k: first },
    { code: jumpIfAtLeast, whenTrue: 1, whenFalse: 0, k: last + 1 },
    then,
  ];
}

function whenAnyBit(bits: number): Instruction[] {
  return [{ code: jumpIfAnyBit, whenTrue: 0, whenFalse: 1, k: bits }, answer(errno.EPERM)];
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach((instruction, index) => {
    const at = index * 8;
    bytes.writeUInt16LE(instruction.code, at);
    bytes.writeUInt8(instruction.whenTrue, at + 2);
    bytes.writeUInt8(instruction.whenFalse, at + 3);
    bytes.writeUInt32LE(instruction.k, at + 4);
  });
  return bytes;
}
