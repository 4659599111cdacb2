# Starts its arguments in a child of the unit's control group, so that the groups of checks can be made beside it: version 2
# passes memory limits on only from a group that has no process of its own. systemd 254 and newer does this by itself
# (DelegateSubgroup=daemon, systemd.resource-control(5)); Debian 12 has 252. Where version 1 holds the controllers there is
# nothing to do.
set -eu
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
case $group in
  */daemon) ;;
  *)
    if [ -w "$group/cgroup.subtree_control" ]; then
      mkdir -p "$group/daemon"
      echo $$ > "$group/daemon/cgroup.procs"
    fi
    ;;
esac
exec "$@"
