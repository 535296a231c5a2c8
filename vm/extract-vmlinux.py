#!/usr/bin/python3
"""extract-vmlinux.py BZIMAGE OUT - the uncompressed kernel out of an x86 boot image.

The boot protocol says where the payload is: the set-up sectors' number at 0x1f1, the payload's offset
behind them and its length at 0x248 and 0x24c (Documentation/x86/boot.rst)."""

import struct
import subprocess
import sys

TOOLS = {
    b"\x02\x21\x4c\x18": ["lz4", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dqc"],
    b"\xfd7zX": ["xz", "-dqc"],
    b"\x1f\x8b": ["gzip", "-dqc"],
}

with open(sys.argv[1], "rb") as f:
    image = f.read()
if image[0x202:0x206] != b"HdrS" or image[0x1FE:0x200] != b"\x55\xaa":
    sys.exit(f"{sys.argv[1]}: not a boot image")
sectors = image[0x1F1] or 4
offset, length = struct.unpack_from("<II", image, 0x248)
start = (sectors + 1) * 512 + offset
payload = image[start:start + length]
tool = next((t for magic, t in TOOLS.items() if payload.startswith(magic)), None)
if tool is None:
    sys.exit(f"{sys.argv[1]}: unknown compression {payload[:4].hex()}")
# The last four bytes are the size of the result, not the tool's; some tools complain of a cut end.
size = struct.unpack("<I", payload[-4:])[0]
vmlinux = subprocess.run(tool, input=payload[:-4], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
if len(vmlinux) != size or not vmlinux.startswith(b"\x7fELF"):
    sys.exit(f"{sys.argv[1]}: {tool[0]} made {len(vmlinux)} bytes of {size}")
with open(sys.argv[2], "wb") as f:
    f.write(vmlinux)
