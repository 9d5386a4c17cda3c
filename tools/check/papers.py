"""The papers hold against the house: commands that exist, rooms that exist, functions that exist, tests
beside every room."""

import re
import subprocess

import rooms
import tree
from tree import Problem

DEV_CASES = re.compile(r"^  ([a-z |]+)\)", re.M)
FENCE = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
FUNCTION = re.compile(r"`([a-z_]+(?:::[A-Za-z_]+)+)\(\)`")
ROOM_LINE = re.compile(r"^\s*[-*|]\s*`([a-z/]+)/?`", re.M)


def dev_commands(script):
    body = script[script.index("case $command in") :]
    return {word.strip() for group in DEV_CASES.findall(body) for word in group.split("|")}


def commands_of(text):
    """(line, command) of every typed line in a console block."""
    for block in FENCE.finditer(text):
        first = tree.line_of(text, block.start(1))
        for number, line in enumerate(block.group(1).split("\n")):
            if line.startswith(("$ ", "# ")):
                yield first + number, line[2:].strip()


def help_of(binary, words, seen):
    """The help text of `holdfast WORDS`, or None when there is no such command."""
    key = tuple(words)
    if key not in seen:
        run = subprocess.run([binary, *words, "--help"], capture_output=True, text=True)
        seen[key] = run.stdout if run.returncode == 0 else None
    return seen[key]


def check_holdfast(binary, command, seen):
    """What is wrong with a typed `holdfast ...` line, or None. A word is a subcommand while the help above it
    lists one of that name; long options must stand in the help of the last."""
    words, at = command.split()[1:], []
    while words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        listed = re.findall(r"^  ([a-z][a-z-]*)\s", help_of(binary, at, seen) or "", re.M)
        if words[0] not in listed:
            if listed and not at:
                return f"'holdfast {words[0]}' is no command of the binary"
            break
        at.append(words.pop(0))
    text = help_of(binary, at, seen)
    for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", " " + " ".join(words)):
        if text is not None and option not in text and option not in (help_of(binary, [], seen) or ""):
            return f"'holdfast {' '.join(at)}' has no option {option}"
    return None


def typed_papers(names):
    """The papers whose console blocks a reader may type."""
    return [name for name in names if name.endswith(".md") and ("/" not in name or name.startswith("docs/"))]


def console(_all):
    found, seen = [], {}
    known = dev_commands(tree.read("dev"))
    binary = next((str(tree.ROOT / "build" / preset / "holdfast") for preset in ("release", "dev")
                   if (tree.ROOT / "build" / preset / "holdfast").is_file()), None)
    for name in typed_papers(tree.tracked()):
        for line, command in commands_of(tree.read(name)):
            words = command.split()
            if words[:1] == ["./dev"] and (len(words) < 2 or words[1] not in known):
                found.append(Problem(name, line, f"'{command}' is no command of ./dev"))
            if words[:1] == ["holdfast"] and binary:
                wrong = check_holdfast(binary, command, seen)
                if wrong:
                    found.append(Problem(name, line, wrong))
    return found


def folders():
    """The rooms that exist: those of the table with a source file."""
    return {room for name in tree.tracked() if name.startswith("src/") and (room := rooms.room_of(name[4:]))}


def architecture(_all):
    if "ARCHITECTURE.md" not in tree.tracked():
        return []
    text, name, found = tree.read("ARCHITECTURE.md"), "ARCHITECTURE.md", []
    listed = {match.group(1).strip("/").split("/")[-1]: tree.line_of(text, match.start()) for match in ROOM_LINE.finditer(text)}
    for room in sorted(folders() - set(listed)):
        found.append(Problem(name, 1, f"the room {rooms.ROOMS[room][0]} has no line (write '- `{rooms.ROOMS[room][0]}` ...')"))
    for room, line in sorted(listed.items()):
        if room in rooms.ROOMS and room not in folders():
            found.append(Problem(name, line, f"names the room {room}, which nothing lives in"))
    sources = {room: "" for room in rooms.ROOMS}
    for file in tree.cpp(tree.tracked()):
        if file.startswith("src/") and (room := rooms.room_of(file[4:])):
            sources[room] += tree.code(file)
    for match in FUNCTION.finditer(text):
        parts = match.group(1).split("::")
        line = tree.line_of(text, match.start())
        if parts[0] not in rooms.ROOMS:
            found.append(Problem(name, line, f"`{match.group(1)}()` starts with {parts[0]}, which is no room"))
        elif not all(re.search(rf"\b{re.escape(part)}\b", sources[parts[0]]) for part in parts[1:]):
            found.append(Problem(name, line, f"`{match.group(1)}()` is not in src/{rooms.ROOMS[parts[0]][0]}"))
    return found


def room_tests(_all):
    tested = {rooms.room_of(name[4:]) for name in tree.tracked() if name.startswith("src/") and name.endswith("_test.cc")}
    return [Problem(f"src/{rooms.ROOMS[room][0]}", 1, "a room without a test: put x_test.cc beside x.cc")
            for room in sorted(folders() - tested)]


def check(everything):
    return console(everything) + architecture(everything) + room_tests(everything)
