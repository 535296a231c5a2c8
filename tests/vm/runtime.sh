#!/bin/sh
# Inside the test machine: containerd with runc and crun on cgroup v2, its CRI on port 9000 and a shell for
# the test on port 9001 (POST a script to /cgi-bin/sh).
set -eu
dir=/runtime
export PATH=$dir/bin:$PATH
cat >$dir/config.toml <<X
version = 2
root = "/tmp/root"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.6"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
        BinaryName = "$dir/bin/crun"
X
$dir/bin/containerd -c $dir/config.toml >&2 &
until ctr version >/dev/null 2>&1; do sleep 0.2; done
ctr -n k8s.io images import $dir/image.tar
mkdir -p /tmp/www/cgi-bin
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"; exec sh 2>&1\n' >/tmp/www/cgi-bin/sh
chmod 755 /tmp/www/cgi-bin/sh
httpd -p 9001 -h /tmp/www
relay 10.0.2.15 9000 /run/containerd/containerd.sock &
