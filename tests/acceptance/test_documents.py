"""Every command in every document, typed: README.md, HACKING.md, the guides, and the EXAMPLES of the manual pages. Comments in
the documents say in which surroundings (documents.py); what is not typed stands here, with its reason."""

import glob
import os
import re
import subprocess

import pytest
import yaml
from clients import client
from documents import commands, read, shown
from machine import ROOT, Dead, Machine

DOCUMENTS = sorted(os.path.relpath(p, ROOT) for pattern in ("*.md", "etc/doc/*.md", "vm/*.md", "deps/*.md", "etc/man/*.[158]")
                   for p in glob.glob(f"{ROOT}/{pattern}"))

# (document, first line of the block): why nobody types it here.
NOT_TYPED = {
    ("etc/doc/beside-others.md", "# firewalld rejects what no zone lets pass"): "firewalld needs a system bus; tests/net/test_coexist.py",
}

# What asks a registry of the world for something is answered from what is kept here.
STAND_INS = [
    (r"ctr (image|images) pull \S+", "ctr image import /run/busybox.tar >/dev/null"),
]


class Untrue(Exception):
    """A document shows what is not so."""


def stand_ins(script):
    for pattern, instead in STAND_INS:
        script = re.sub(pattern, instead, script)
    return script


def until_interrupted(line):
    """A command without an end: it is waited for until it says something."""
    command = line.split("#")[0].strip()
    return (f"{command} >/run/watched 2>&1 & watched=$!\nuntil [ -s /run/watched ]; do kill -0 $watched; sleep 0.05; done\n"
            "cat /run/watched; kill -INT $watched; kill $watched 2>/dev/null; wait $watched || true")


def type_sh(machine, block):
    text = "\n".join(until_interrupted(line) if "until Ctrl-C" in line else line for line in block.text.splitlines())
    if block.runs_on:
        text = f"{{ {text}\n}} >/run/runs-on.log 2>&1 &"
    said = machine.type(stand_ins(text))[1]
    if '"status":"Failure"' in said.replace(" ", ""):
        raise Untrue(f"refused:\n{block.text}\n--- it said:\n{said}")


def type_console(machine, block):
    for command, expected in commands(block.text):
        status, said = machine.type(stand_ins(command), strict=False)
        if expected.strip() and not shown(expected, said):
            raise Untrue(f"$ {command}\nis shown to say:\n{expected}\n--- it said:\n{said}")
        if status and not expected.strip():
            raise Untrue(f"$ {command}\nends with {status}:\n{said}")


def type_yaml(machine, block):
    if block.where == "ci":
        type_job(machine, block)
        return
    machine.write("/run/applied.yaml", block.text)
    machine.type("knetctl apply -f /run/applied.yaml")


def type_job(machine, block):
    """Each step of a job in a shell of its own, as its runner does it."""
    jobs = yaml.safe_load(block.text)
    for job in jobs.get("jobs", jobs).values():
        steps = [s["run"] for s in job["steps"] if "run" in s] if "steps" in job else ["\n".join(job["before_script"] + job["script"])]
        for step in steps:
            machine.type(f"cat >/run/step <<'END_OF_STEP'\n{stand_ins(step)}\nEND_OF_STEP\nbash -e -o pipefail /run/step")


def type_ini(machine, block):
    machine.write("/run/asked.ini", block.text)
    machine.type("knetd -t -c /run/asked.ini")


TYPE = {"sh": type_sh, "console": type_console, "yaml": type_yaml, "ini": type_ini}


def type_block(machine, block):
    for script in block.before:
        machine.type(script)
    if block.file:
        machine.write(block.file, block.text)
    else:
        TYPE[block.kind](machine, block)


def to_type(document):
    return [b for b in read(document, f"{ROOT}/{document}") if (document, b.first()) not in NOT_TYPED]


def type_all(blocks, machines):
    """What went wrong, or None."""
    for block in blocks:
        if block.where not in ("machine", "node", "ci"):
            return f"{block.document}:{block.line}: no surroundings"
        try:
            where = block.where if block.where != "ci" else f"ci {block.line}"  # a job has a machine for itself
            if where not in machines:
                machines[where] = Machine(block.where == "node")
            type_block(machines[where], block)
        except (Dead, Untrue) as e:
            return f"{block.document}:{block.line}: {e}"
    return None


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if to_type(d)])
def test_document(document):
    machines, blocks = {}, to_type(document)
    why = any("cnitool" in b.text for b in blocks) and client("cnitool", "go")
    if why:
        pytest.skip(why)
    if any("make vm" in b.text for b in blocks):  # the machine has no network to fetch its kernel by
        subprocess.run([f"{ROOT}/vm/build.sh"], check=True, stdout=subprocess.DEVNULL)
    try:
        wrong = type_all(blocks, machines)
    finally:
        for machine in machines.values():
            machine.close()
    if wrong:
        pytest.fail(wrong, pytrace=False)


def test_what_is_not_typed_is_there():
    there = {(d, b.first()) for d in DOCUMENTS for b in read(d, f"{ROOT}/{d}")}
    assert not set(NOT_TYPED) - there and len(NOT_TYPED) <= 8


def test_links_lead_somewhere():
    for document in filter(lambda d: d.endswith(".md"), DOCUMENTS):
        with open(f"{ROOT}/{document}", encoding="utf-8") as f:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", f.read()):
                assert os.path.exists(os.path.join(ROOT, os.path.dirname(document), target)), f"{document}: {target}"
