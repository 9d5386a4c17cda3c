"""Arrows point down: who includes what, heavy headers with one owner, workflows without a world."""

import re

import rooms
import tree
from tree import Problem

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
TEST_DEPS = re.compile(r"holdfast_room\(\s*([\w/]+)([^)]*)\)")

# Inside a workflow every value must be the same at replay.
WORKFLOW_BANS = [
    (r"\b(system_clock|steady_clock|high_resolution_clock)\b", "a clock; use the workflow's now()"),
    (r"\b(random_device|mt19937\w*|rand)\s*[({]", "randomness; use the workflow's random()"),
    (r"\bstd::(thread|jthread|mutex|async|atomic)\b", "threads; a workflow is one coroutine"),
    (r"\bstd::unordered_(map|set)\b", "unordered iteration; use std::map or a sorted vector"),
    (r"^\s*static\s+(?!constexpr|const\s+char)[^()]*[=;]", "a static variable; keep state in the workflow"),
    (r"\bgetenv\s*\(", "the environment; pass it as a parameter"),
]


def includes_of(text):
    for match in INCLUDE.finditer(text):
        yield tree.line_of(text, match.start()), match.group(1), match.group(2)


def test_rooms(cmake_text):
    """The rooms that a room's tests may use beside its own: TEST_DEPS of src/CMakeLists.txt."""
    table = {}
    for folder, rest in TEST_DEPS.findall(cmake_text):
        listed = re.search(r"TEST_DEPS((?:\s+(?!LIBS|DEPS|TEST_LIBS)\w+)+)", rest)
        table[folder] = set(listed.group(1).split()) if listed else set()
    return table


def allowed_rooms(path, test_table):
    """The rooms that src/PATH may include; None when the file belongs to none."""
    if path in rooms.PROGRAMS:
        return rooms.PROGRAMS[path]
    room = rooms.room_of(path)
    if room is None:
        return None
    allowed = rooms.reach(room)
    if path.endswith("_test.cc") or "/testing/" in path or path.endswith("_contract.h"):
        for name in test_table.get(rooms.ROOMS[room][0], set()):
            allowed |= rooms.reach(name) if name in rooms.ROOMS else set()
    return allowed


def check_file(name, text, test_table):
    """Problems of one file; `name` is relative to the root, `text` is blanked code."""
    path = name.removeprefix("src/")
    found = []
    allowed = allowed_rooms(path, test_table)
    if allowed is None:
        folder = path.rpartition("/")[0]
        return [Problem(name, 1, f"no room owns src/{folder}; add it to tools/check/rooms.py or move the file")]
    room = rooms.room_of(path) or "main"
    for line, quote, header in includes_of(text):
        target = rooms.room_of(header)
        if quote == '"' and target and target not in allowed:
            found.append(Problem(name, line, f'{room} may not include {target} ("{header}"): the arrows of DESIGN '
                                             f"do not lead there; move the code down or pass a value in"))
        if quote == '"' and not target and not header.startswith("cmake/"):
            found.append(Problem(name, line, f'"{header}" is not written from src/ with its room; '
                                             f"write it like core/base/result.h"))
        found += heavy(name, path, line, header)
        found += workflow_include(name, path, line, quote, header)
    if is_workflow(path):
        for pattern, what in WORKFLOW_BANS:
            for match in re.finditer(pattern, text, re.M):
                found.append(Problem(name, tree.line_of(text, match.start()), f"a workflow definition uses {what}"))
    return found


def check_simulator(name, text):
    """Problems of one file of a simulator: its own headers, and the rooms that it stands on."""
    folder, found = rooms.simulator_of(name), []
    if folder is None:
        return [Problem(name, 1, f"no simulator owns {name}; add it to tools/check/rooms.py or move the file")]
    allowed = set().union(*(rooms.reach(room) for room in rooms.SIMULATORS[folder]))
    for line, quote, header in includes_of(text):
        target = rooms.room_of(header)
        if quote == '"' and target not in allowed and not header.startswith(folder + "/"):
            found.append(Problem(name, line, f'{folder} may not include "{header}": simulators stand on core only'))
        found += heavy(name, name, line, header)
    return found


def heavy(name, path, line, header):
    if header in rooms.REFUSED_HEADERS and not (header == "iostream" and (path.endswith("_test.cc") or path.startswith("edge/cli/"))):
        return [Problem(name, line, f"<{header}> is refused: {rooms.REFUSED_HEADERS[header]}")]
    for prefix, (owners, instead) in rooms.OWNERS.items():
        if header.startswith(prefix) and not any(re.match(owner, path) for owner in owners):
            return [Problem(name, line, f"<{header}> has one owner ({', '.join(owners)}); use {instead}")]
    return []


def is_workflow(path):
    return path.endswith(("_workflow.cc", "_workflow.h"))


def workflow_include(name, path, line, quote, header):
    if not is_workflow(path) or quote != '"':
        return []
    if any(re.fullmatch(pattern, header) for pattern in rooms.WORKFLOW_MAY_INCLUDE):
        return []
    return [Problem(name, line, f'a workflow definition may not include "{header}": only flow, base, schedule '
                                f"and plain *_types.h, so that a replay sees the same world")]


def check(_all):
    test_table = test_rooms(tree.read("src/CMakeLists.txt"))
    found = []
    for name in tree.cpp(tree.tracked()):
        if name.startswith("src/"):
            found += check_file(name, tree.code(name), test_table)
        elif name.startswith("simulators/"):
            found += check_simulator(name, tree.code(name))
    return found
