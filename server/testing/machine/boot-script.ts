/**
 * What becomes pid 1 of a machine. It runs as root in new mount, pid, network, host name, ipc and cgroup namespaces, and
 * makes a root file system of which nothing is the host's but a read-only /usr (with the packages of the layer over it)
 * and the folders that the test named. Everything it writes to is a tmpfs of bounded size.
 *
 * Parameters: the layer of packages; a folder to build on; a folder with the files to begin with, /etc among them; options of the root's tmpfs; the words for
 * the hierarchies of control groups; "--"; pairs of a folder of the host and its place, read-only; "--"; the command of init.
 * It prints "here" and waits for a line, so that the far end of the network can be brought in before anything runs.
 */
export const bootScript = `set -eu
layer=$1 root=$2 made=$3 options=$4
shift 4
echo here
read -r word
[ "$word" = go ]
mount --make-rprivate /
mount -t tmpfs -o "$options" machine "$root"
cd "$root"
mkdir -p usr etc var/lib/systemd var/log/journal var/tmp run proc sys dev opt root home srv mnt tmp
chmod 1777 tmp var/tmp
chmod 700 root
# A path with a colon in it would be two layers.
( cd "$layer"; mount -t overlay -o ro,lowerdir=usr:/usr packages "$root/usr" )
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then cp -P "/$name" "$name"; fi
done
cp -a "$made/." .
ln -s /run var/run
ln -s /run/lock var/lock

mount -t proc -o nosuid,nodev,noexec proc proc
# Read-only: systemd then knows that devices are not its own, and no test changes the host through it.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,size=1m,nosuid machine dev
for name in null zero full random urandom tty; do
  touch "dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
if [ -e /dev/fuse ]; then touch dev/fuse; mount --bind /dev/fuse dev/fuse; fi
mkdir dev/pts dev/shm
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev machine dev/shm
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/\${number%:*}" "dev/\${number#*:}"; done
mount -t tmpfs -o mode=755,size=64m,nosuid,nodev machine run
mkdir run/lock

if [ "$1" = unified ] && [ "$2" = -- ]; then
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
  shift
else
  mount -t tmpfs -o mode=755,size=1m machine sys/fs/cgroup
  while [ "$1" != -- ]; do
    folder="sys/fs/cgroup/\${1#name=}"
    mkdir "$folder"
    case $1 in
      unified) mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$folder" ;;
      name=*) mount -t cgroup -o "none,$1,nosuid,nodev,noexec" cgroup "$folder" ;;
      *) mount -t cgroup -o "$1,nosuid,nodev,noexec" cgroup "$folder" ;;
    esac
    shift
  done
fi
shift

while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro,nosuid,nodev "$root$2"
  shift 2
done
shift

cat etc/hostname > /proc/sys/kernel/hostname
# Not chroot: in a chroot nobody can make a user namespace, and the sandbox needs one.
mkdir old
pivot_root . old
cd /
umount -l old
rmdir old
ip link set lo up
exec "$@"
`;
