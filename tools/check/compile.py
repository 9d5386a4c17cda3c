"""Checks that need the compiler: headers that stand alone, and clang-tidy."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree
from tree import Problem

TIDY = "clang-tidy-19"
DIAGNOSTIC = re.compile(r"^(/?[^\s:]+):(\d+):\d+: (?:fatal )?(?:error|warning): (.*)$", re.M)


def database():
    """compile_commands.json of the newest build folder that has one: {file: arguments}, and the folder."""
    candidates = [tree.ROOT / "build" / preset for preset in ("release", "dev")]  # built whole, with what is generated
    candidates = [path for path in candidates if (path / "compile_commands.json").is_file()]
    if not candidates:
        return {}, None
    folder = max(candidates, key=lambda path: (path / "compile_commands.json").stat().st_mtime)
    entries = json.loads((folder / "compile_commands.json").read_text())
    return {entry["file"]: shlex.split(entry["command"]) for entry in entries}, folder


def plain_flags(arguments):
    """The arguments of a compile command without launcher, output, source and precompiled header."""
    start = next((i for i, word in enumerate(arguments) if "clang++" in word), 0)
    kept, skip = [], 0
    words = arguments[start + 1 :]
    for i, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in ("-o", "-c", "-MF", "-MT", "-MQ"):
            skip = 1
        elif word == "-Xclang" and i + 1 < len(words) and (words[i + 1].startswith("-include-pch") or words[i + 1] == "-include"):
            skip = 3
        elif word == "-Xclang" or word.startswith(("-fno-pch", "-Winvalid-pch", "-MD")) or word in ("-fpch-instantiate-templates",):
            continue
        else:
            kept.append(word)
    return kept


def flags_for(name, commands):
    """Flags of a file of the same folder, else of any room."""
    folder = str((tree.ROOT / name).parent)
    best = max(commands, key=lambda file: len(os.path.commonpath([folder, str(Path(file).parent)])))
    return plain_flags(commands[best])


def stands_alone(name, flags, scratch):
    """Compiles a file that includes just this header, twice."""
    relative = name.removeprefix("src/")
    unit = Path(scratch) / (re.sub(r"\W", "_", relative) + ".cc")
    unit.write_text(f'#include "{relative}"\n#include "{relative}"\n')
    run = subprocess.run(["clang++-19", *flags, "-fsyntax-only", "-ferror-limit=1", "-Wno-unused", str(unit)],
                         cwd=tree.ROOT, capture_output=True, text=True)
    if run.returncode == 0:
        return []
    first = DIAGNOSTIC.search(run.stderr)
    where = first.group(1).removeprefix(str(tree.ROOT) + "/") if first else name
    line = int(first.group(2)) if first and where == name else 1
    what = first.group(3) if first else run.stderr.strip()[:200]
    return [Problem(name, line, f"does not compile when included alone ({what}): include what it uses")]


def headers(everything):
    commands, folder = database()
    wanted = [name for name in tree.cpp(tree.tracked() if everything else tree.changed())
              if name.startswith(tree.CODE) and name.endswith(".h")]
    if not wanted:
        return []
    if not commands:
        return [Problem("build", 1, "no build folder: run ./dev build first, the headers are compiled with its flags")]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(lambda name: stands_alone(name, flags_for(name, commands), scratch), wanted)
        return [problem for part in parts for problem in part]


def tidy_file(name, folder):
    # The precompiled header of the build serves as it is; -quiet leaves the findings alone.
    run = subprocess.run([TIDY, "-quiet", "-p", str(folder), "--extra-arg=-Wno-everything", name], cwd=tree.ROOT,
                         capture_output=True, text=True)
    found = set()
    for path, line, message in DIAGNOSTIC.findall(run.stdout):
        relative = os.path.relpath(os.path.join(tree.ROOT, path), tree.ROOT)
        if not relative.startswith(".."):
            found.add(Problem(relative, int(line), message))
    if run.returncode != 0 and not found:
        found.add(Problem(name, 1, f"{TIDY} failed: {(run.stderr or run.stdout).strip()[:300]}"))
    return found


def tidy(everything):
    commands, folder = database()
    wanted = [name for name in (tree.tracked() if everything else tree.changed())
              if name.startswith(tree.CODE) and name.endswith(".cc") and not name.endswith("_test.cc")]
    wanted = [name for name in wanted if str(tree.ROOT / name) in commands]
    if not wanted:
        return []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(lambda name: tidy_file(name, folder), wanted)
        return sorted({problem for part in parts for problem in part})
