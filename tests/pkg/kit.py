"""What the tests of releases share."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCH = os.uname().machine


def run(*command, **environment):
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**{k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}, **environment})
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
    return done.stdout


def tree(root):
    """What is in a folder: path to mode and, of a link, what it says."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names + [d for d in os.listdir(directory) if os.path.islink(os.path.join(directory, d))]:
            path = os.path.join(directory, name)
            told = os.readlink(path) if os.path.islink(path) else oct(os.stat(path).st_mode & 0o777)[2:]
            found["/" + os.path.relpath(path, root)] = told
    return found


def documents(folder):
    return {f"{folder}/{name}": "644" for name in os.listdir(os.path.join(ROOT, "etc", "doc")) if name.endswith(".md")} \
        if os.path.isdir(os.path.join(ROOT, "etc", "doc")) else {}
