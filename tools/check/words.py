"""What may not stand in the tree: banned calls, leftover markers, machine paths, secrets, big files."""

import re

import tree
from tree import Problem

# call: (files that may, what to use)
CALLS = [
    (r"\b(system_clock|steady_clock)::now\b", r"src/core/(env/|base/log_sink\.cc)", "env::Clock"),
    (r"\bthis_thread::sleep_(for|until)\b", r"src/core/env/", "env::Clock::call_at, or async's sleep"),
    (r"\brandom_device\b", r"src/core/env/", "env::Random"),
    (r"(?<![\w:.])(::)?(usleep|nanosleep|gettimeofday|localtime|gmtime)\s*\(", r"src/core/env/", "env::Clock"),
    (r"(?<![\w.>])(std::)?(rand|srand|strtok|system|popen)\s*\(", r"src/core/env/", "env::Random or env's processes"),
    (r"\bstd::c(out|err)\b", r"$^", "core/base/log.h, or fmt in edge/cli"),
    (r"\.detach\s*\(\s*\)", r"src/daemon/", "a TaskScope that is awaited"),
]

# Written in pieces, so that this file passes its own check.
MARKER_WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|(?i:not (yet )?implem" + r"ented)")
PATHS = re.compile(r"(?<![\w.$}/-])/(home|root|work|Users)/[\w.-]+")
SECRETS = [
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\bAKIA[0-9A-Z]{16}\b"), "an AWS key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"), "a GitHub token"),
    (re.compile(r"\bxox[abpr]-[0-9A-Za-z-]{20,}"), "a Slack token"),
]
BIG = 1_000_000
TEXT = (".cc", ".h", ".py", ".sh", ".cmake", ".md", ".yaml", ".yml", ".json", ".txt", ".toml", "/dev", "/run")


def calls(name, text):
    found = []
    for pattern, may, instead in CALLS:
        if re.match(may, name):
            continue
        for match in re.finditer(pattern, text):
            found.append(Problem(name, tree.line_of(text, match.start()), f"{match.group(0).strip()} is refused here: use {instead}"))
    return found


def text_words(name, text):
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if MARKER_WORDS.search(line):
            found.append(Problem(name, number, "a leftover marker: do it now or write an issue"))
        match = PATHS.search(line)
        if match and not name.startswith("tools/check/"):
            found.append(Problem(name, number, f"{match.group(0)} is a path of one machine: make it relative or configurable"))
        for pattern, what in SECRETS:
            if pattern.search(line) and "/testing/" not in name and not name.endswith("_test.cc"):
                found.append(Problem(name, number, f"this looks like {what}: take it out and revoke it"))
    return found


def check(_all):
    found = []
    for name in tree.tracked():
        size = (tree.ROOT / name).stat().st_size
        if size > BIG:
            found.append(Problem(name, 1, f"{size} bytes; a tracked file stays under {BIG}: generate it or fetch it"))
        elif name == "LICENSE":
            continue
        elif ("/" + name).endswith(TEXT):
            found += text_words(name, tree.read(name))
        if name.startswith(tree.CODE) and name.endswith((".cc", ".h")) and not is_test(name):
            found += calls(name, tree.code(name))
        elif name.endswith("_test.cc"):
            found += [problem for problem in calls(name, tree.code(name)) if "sleep" in problem.message]
    return found


def is_test(name):
    return name.endswith("_test.cc") or "/testing/" in name
