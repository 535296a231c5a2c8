#!/usr/bin/python3
"""unit_file.py COMMAND...: runs COMMAND as etc/systemd/knetd.service lets the daemon run.

What systemd does to a process before it executes it, done here from the very words of the unit, so that a call
or a capability that the unit forgot fails a test: the bounding set, no new privileges, and the filters
of system calls, address families and namespaces (python3-seccomp; the sets named @... come from systemd-analyze).
KNETD_UNDER="/usr/bin/python3 tests/unit_file.py" has all of tests/ start daemons so.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys

import seccomp

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNIT = os.path.join(ROOT, "etc", "systemd", "knetd.service")
LIBC = ctypes.CDLL(None, use_errno=True)
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITIES = ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
                "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT "
                "SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
                "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()
NAMESPACES = {"cgroup": 0x02000000, "ipc": 0x08000000, "net": 0x40000000, "mnt": 0x00020000, "pid": 0x20000000,
              "user": 0x10000000, "uts": 0x04000000}


def words_of(key):
    """The words after every KEY= of the unit."""
    with open(UNIT, encoding="utf-8") as f:
        return [w for line in f if line.startswith(key + "=") for w in line.split("=", 1)[1].split()]


def calls(words):
    """System calls, sets of them resolved."""
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        out = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True).stdout
        members = [line.strip() for line in out.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
        yield from calls(members)


def system_call_filter():
    """An allow list; what is allowed is narrowed by families and namespaces."""
    allowed = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    families = [getattr(socket, name).value for name in words_of("RestrictAddressFamilies")]
    # what systemd allows whatever the filter says: it has to execute the command
    for name in {*calls(words_of("SystemCallFilter")), "execve", "exit", "exit_group", "rt_sigreturn"} - {"socket"}:
        try:
            allowed.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError, OSError):
            pass  # not a call of this machine
    for family in families:
        allowed.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    return allowed


def namespace_filter():
    forbidden = seccomp.SyscallFilter(seccomp.ALLOW)
    for flag in {NAMESPACES[n] for n in NAMESPACES.keys() - set(words_of("RestrictNamespaces"))}:
        for name, argument in (("unshare", 0), ("clone", 0), ("setns", 1)):
            forbidden.add_rule(seccomp.ERRNO(errno.EPERM), name, seccomp.Arg(argument, seccomp.MASKED_EQ, flag, flag))
    forbidden.add_rule(seccomp.ERRNO(errno.EPERM), "setns", seccomp.Arg(1, seccomp.EQ, 0))
    for name in ("mmap", "mprotect"):  # MemoryDenyWriteExecute
        if words_of("MemoryDenyWriteExecute") == ["yes"]:
            wanted = 4 if name == "mprotect" else 6
            forbidden.add_rule(seccomp.ERRNO(errno.EPERM), name, seccomp.Arg(2, seccomp.MASKED_EQ, wanted, wanted))
    return forbidden


def enter():
    kept = {w.removeprefix("CAP_") for w in words_of("CapabilityBoundingSet")}
    assert kept and kept < set(CAPABILITIES), kept
    filters = [namespace_filter(), system_call_filter()]
    files = min(int(words_of("LimitNOFILE")[0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # a container may have less
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 1024), files))
    for number, name in enumerate(CAPABILITIES):
        if name not in kept and LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            assert ctypes.get_errno() == errno.EINVAL, name  # the kernel is older than the capability
    assert LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    for f in filters:
        f.load()


if __name__ == "__main__":
    enter()
    os.execv(sys.argv[1], sys.argv[1:])
