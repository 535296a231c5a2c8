"""What is to be typed in a document, in its order.

Fenced blocks of sh, console, yaml and ini in markdown; .Bd -literal displays below EXAMPLES in manual pages. Comments, which a
reader does not see, say where and how (in manual pages behind .\\" in place of <!-- -->):

  <!-- in: SURROUNDINGS -->     from here on: machine (a bare one, in a checkout), node (knetd installed and running, in
                                an empty folder), ci (yaml is a job's description: its steps are typed)
  <!-- before: SCRIPT -->       typed before the next block: what the document takes for granted
  <!-- file: NAME -->           the next block is the content of that file
  <!-- runs on -->              the next block's command does not end by itself: it goes on behind what follows

sh       every command has to end with 0. Lines with "until Ctrl-C" in their comment have to say something, then are interrupted
console  commands after "$ ", and what they say: in this order, "..." stands for anything; blanks, addresses, ages and times
         may differ. A command that nothing is shown of has to end with 0
yaml     applied, where it is no file; ini: a configuration that `knetd -t` takes

Fences without a kind are pictures and lists. What vm/README.md lists, the test machines of tests/run.sh do (vm/test.sh,
image-test.sh, pods-test.sh); nobody types the dd onto a disk."""

import re
from dataclasses import dataclass, field

TYPED = {"sh", "console", "yaml", "ini"}


@dataclass
class Block:
    document: str
    line: int
    kind: str
    text: str
    where: str = None
    before: list = field(default_factory=list)
    file: str = None
    runs_on: bool = False

    def first(self):
        return self.text.strip().splitlines()[0]


class Reader:
    def __init__(self, name):
        self.name, self.blocks, self.where, self.hints = name, [], None, {"before": []}

    def comment(self, text):
        word, _, rest = text.partition(":")
        word, rest = word.strip(), rest.strip("\n")
        if word == "in":
            self.where = rest.strip()
        elif word == "before":
            self.hints["before"].append(rest)
        elif word == "file":
            self.hints["file"] = rest.strip()
        elif word == "runs on":
            self.hints["runs_on"] = True
        else:
            raise ValueError(f"{self.name}: a comment that means nothing: {text.strip()[:60]}")

    def block(self, line, kind, text):
        self.blocks.append(Block(self.name, line, kind, text, self.where, **self.hints))
        self.hints = {"before": []}


def markdown(name, text):
    reader = Reader(name)
    for m in re.finditer(r"^<!--(.*?)-->|^( *)```(\w*)\n(.*?)^ *```", text, re.M | re.S):
        if m.group(1) is not None:
            reader.comment(m.group(1))
        elif m.group(3) in TYPED:
            body = re.sub(rf"^{m.group(2)}", "", m.group(4), flags=re.M)
            reader.block(text[:m.start()].count("\n") + 1, m.group(3), body)
    return reader.blocks


def manual(name, text):
    begin = text.find(".Sh EXAMPLES")
    if begin < 0:
        return []
    reader = Reader(name)
    end = text.find("\n.Sh ", begin + 1)
    for m in re.finditer(r'^\.\\" ?((?:in|before|file|runs on)\b[^\n]*)$|^\.Bd -literal[^\n]*\n(.*?)^\.Ed', text[begin:end], re.M | re.S):
        if m.group(1):
            reader.comment(m.group(1))
        else:
            body = re.sub(r'^\.\\".*\n', "", m.group(2), flags=re.M).replace("\\e", "\\").replace("\\&", "")
            reader.block(text[:begin + m.start()].count("\n") + 1, "console" if body.startswith("$ ") else "sh", body)
    return reader.blocks


def read(name, path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return markdown(name, text) if name.endswith(".md") else manual(name, text)


# What differs from run to run, by a word for its kind.
DIFFERS = [(r"\x1b\[[0-9;]*m", ""), (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z?", "TIME"),
           (r"\b(\d+(\.\d+)?) ?(us|ms|s|m|h|d)(\d+s)?\b", "AGE"), (r"\b10\.96\.\d+\.\d+", "SERVICE4"),
           (r"\b10\.244\.\d+\.\d+", "POD4"), (r"\bfd00:10:96::[\da-f:]*", "SERVICE6"), (r"\bfd00:10:244::[\da-f:]*", "POD6"),
           (r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "UID"), (r"\bknet[0-9a-f]{11}\b", "LINK"), (r":3[012]\d{3}/", ":NODEPORT/")]


def plain(text):
    for pattern, word in DIFFERS:
        text = re.sub(pattern, word, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def shown(expected, said):
    """Whether a command said what the document shows; "..." is any lines, or any part of one."""
    pattern = ""
    for line in plain(expected):
        pattern += r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in plain(said))) is not None


def commands(text):
    """[(command, what it shows)] of a console block; a line that ends with a backslash goes on, and so do "> " lines."""
    out = []
    for line in text.splitlines():
        if out and (out[-1][0].endswith("\\") or line.startswith("> ")) and not out[-1][1]:
            out[-1][0] += "\n" + line.removeprefix("> ")
        elif line.startswith(("$ ", "# ")):
            out.append([line[2:], ""])
        else:
            out[-1][1] += line + "\n"
    return out
