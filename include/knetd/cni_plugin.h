/* cni_plugin.h - the binary under its two CNI names: `knet` carries a call to the daemon,
 * `loopback` is the plugin that containerd calls for every pod's lo. */
#pragma once

#define CNI_DEFAULT_SOCKET "/run/knetd/knetd.sock"

int cni_plugin_main(int argc, char **argv);
int cni_loopback_main(int argc, char **argv);
