#!/bin/sh
# machine.sh CHECKOUT SHIMS: a machine of its own to type commands at, as process 1 of namespaces of its own. Its files are
# this machine's, and what is changed of them is thrown away in the end; a neighbour on its link, `outside`, is
# its default gateway. Says "ready" and lives until it is killed.
set -eu
checkout=$1 shims=$2
top=$(mktemp -d)
mount -t tmpfs -o mode=755 none "$top"
mkdir "$top/up" "$top/up2" "$top/work" "$top/work2" "$top/root"
mount -t overlay -o "lowerdir=/,upperdir=$top/up,workdir=$top/work" none "$top/root"
root=$top/root
for d in run tmp; do mount -t tmpfs -o mode=1777 none "$root/$d"; done
mkdir -p "$root$checkout" "$root/run/netns"
mount -t overlay -o "lowerdir=$checkout,upperdir=$top/up2,workdir=$top/work2" none "$root$checkout"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
rm -rf "$root"/var/lib/knetd "$root"/etc/cni "$root"/etc/containerd "$root"/etc/knetd* "$root"/opt/cni "$root"/usr/local/sbin/knet* \
	"$root"/usr/local/bin/knet* "$root"/usr/local/bin/docker "$root"/root/.kube
cp "$shims"/* "$root/usr/local/bin/"
mkdir -p "$root/var/tmp/here"
cd "$root"
pivot_root . run
umount -l run
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/netns /run/lock
hostname node1
echo "127.0.0.1 localhost node1" >/etc/hosts
echo "nameserver 192.0.2.1" >/etc/resolv.conf
ip link set lo up
ip netns add outside
ip link add eth0 type veth peer name eth0 netns outside
for n in "" "-n outside"; do
	# shellcheck disable=SC2086  # none or two words
	ip $n link set eth0 up
done
sysctl -qw net.ipv6.conf.eth0.accept_dad=0
ip -n outside link set lo up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 2001:db8:2::10/64 dev eth0 nodad
ip -n outside addr add 192.0.2.1/24 dev eth0
ip -n outside addr add 2001:db8:2::1/64 dev eth0 nodad
ip route add default via 192.0.2.1
ip -6 route add default via 2001:db8:2::1
echo ready
exec >/dev/null
sleep 3600 # the shell stays process 1: it reaps
