#!/usr/bin/python3
"""extract-kernel.py VMLINUZ OUT - the kernel that QEMU can enter directly, out of what a distribution packs.

x86: the uncompressed ELF file. The boot protocol says where the payload is: the set-up sectors' number at 0x1f1,
the payload's offset behind them and its length at 0x248 and 0x24c (Documentation/x86/boot.rst).
arm64: the Image, which comes plain, gzipped, or inside an EFI program that unpacks it ("zimg": offset, size and
the name of the compression at 8, 12 and 24; drivers/firmware/efi/libstub/zboot-header.S)."""

import struct
import subprocess
import sys

TOOLS = {
    b"\x02\x21\x4c\x18": ["lz4", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dqc"],
    b"\xfd7zX": ["xz", "-dqc"],
    b"\x1f\x8b": ["gzip", "-dqc"],
}


def unpacked(payload):
    tool = next((t for magic, t in TOOLS.items() if payload.startswith(magic)), None)
    if tool is None:
        sys.exit(f"{sys.argv[1]}: unknown compression {payload[:4].hex()}")
    return subprocess.run(tool, input=payload, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def x86(image):
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = image[start:start + length]
    # The last four bytes are the size of the result, not the tool's; some tools complain of a cut end.
    size = struct.unpack("<I", payload[-4:])[0]
    vmlinux = unpacked(payload[:-4])
    if len(vmlinux) != size or not vmlinux.startswith(b"\x7fELF"):
        sys.exit(f"{sys.argv[1]}: {len(vmlinux)} bytes of {size}")
    return vmlinux


def arm64(image):
    if image[4:8] == b"zimg":
        offset, size = struct.unpack_from("<II", image, 8)
        image = unpacked(image[offset:offset + size])
    elif image.startswith(b"\x1f\x8b"):
        image = unpacked(image)
    if image[0x38:0x3C] != b"ARM\x64":
        sys.exit(f"{sys.argv[1]}: not a boot image")
    return image


with open(sys.argv[1], "rb") as f:
    packed = f.read()
kernel = x86(packed) if packed[0x202:0x206] == b"HdrS" and packed[0x1FE:0x200] == b"\x55\xaa" else arm64(packed)
with open(sys.argv[2], "wb") as f:
    f.write(kernel)
