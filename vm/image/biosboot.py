#!/usr/bin/python3
"""biosboot.py IMAGE SECTOR BOOT.IMG CORE.IMG - makes a disk boot GRUB by BIOS.

boot.img goes to the first sector, around the partition table, and is told where core.img begins (0x5c); core.img
goes to SECTOR, and its own first sector is told where the rest of it is (0x1f4: the first sector of it)."""

import struct
import sys

_, image, sector, boot, core = sys.argv
sector = int(sector)
with open(boot, "rb") as f:
    first = bytearray(f.read(512))
with open(core, "rb") as f:
    rest = bytearray(f.read())
struct.pack_into("<Q", first, 0x5C, sector)
first[0x66:0x68] = b"\x90\x90"  # boot.img: the drive that the BIOS names is the right one
struct.pack_into("<Q", rest, 0x1F4, sector + 1)
with open(image, "r+b") as f:
    table = f.read(512)
    first[0x1B8:0x200] = table[0x1B8:0x200]
    f.seek(0)
    f.write(first)
    f.seek(sector * 512)
    f.write(rest)
