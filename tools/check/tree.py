"""The checkout as the checks see it: tracked files, changed files, and a C++ text without its prose."""

import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to change: where it is and what to do."""

    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def git(*arguments):
    """What git prints; nothing when it fails. A checkout of another user is as good as one's own."""
    run = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    return run.stdout if run.returncode == 0 else ""


@functools.cache
def tracked():
    """Every file that git knows or would add, as text relative to the root."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if listed == [""]:
        sys.exit(f"check: git lists no file in {ROOT}; the checks need a git checkout")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


@functools.cache
def changed():
    """What this branch and the working tree change: against HOLDFAST_CHECK_BASE, else where the branch
    left main, else the last commit."""
    head = git("rev-parse", "HEAD").strip()
    base = os.environ.get("HOLDFAST_CHECK_BASE", "")
    for candidate in ("origin/main", "main") if not base else ():
        base = git("merge-base", "HEAD", candidate).strip()
        if base and base != head:
            break
        base = ""
    base = base or git("rev-parse", "-q", "--verify", "HEAD~1").strip()
    names = git("diff", "--name-only", "-z", base).split("\0") if base else tracked()
    fresh = git("ls-files", "-z", "--others", "--exclude-standard").split("\0")
    return sorted({name for name in [*names, *fresh] if name and (ROOT / name).is_file()})


# Where the product's C++ lies: src/, and the simulators with the same rules.
CODE = ("src/", "simulators/")


def cpp(names):
    return [name for name in names if name.endswith((".cc", ".h"))]


@functools.cache
def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


PROSE = re.compile(
    r"""//[^\n]*                                # line comment
      | /\*.*?\*/                               # block comment
      | R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"   # raw string
      | "(?:\\.|[^"\\\n])*"                     # string
      | (?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'    # character
    """,
    re.S | re.X,
)


@functools.cache
def code(name):
    """The text of a C++ file with comments and literals blanked; lines and columns stay in place.
    The name in an #include line stays readable."""
    return blank(read(name))


def blank(text):
    def wipe(match):
        piece = match.group(0)
        start = text.rfind("\n", 0, match.start()) + 1
        if piece.startswith('"') and text[start : match.start()].lstrip().startswith("#include"):
            return piece
        kept = '""' if piece.endswith('"') and len(piece) > 1 else ""
        return kept + re.sub(r"[^\n]", " ", piece[len(kept) :])

    return PROSE.sub(wipe, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
