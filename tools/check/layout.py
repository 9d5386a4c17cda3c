"""clang-format lays the code out; nobody argues about it."""

import os
import re
import subprocess

import tree
from tree import Problem

FORMAT = "clang-format-19"
WARNING = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning): ", re.M)


def check(_all):
    names = tree.cpp(tree.tracked())
    workers, found = [], []
    share = max(1, (len(names) + os.cpu_count() - 1) // os.cpu_count())
    for at in range(0, len(names), share):
        workers.append(subprocess.Popen([FORMAT, "--dry-run", *names[at : at + share]], cwd=tree.ROOT,
                                        stderr=subprocess.PIPE, text=True))
    for worker in workers:
        _, output = worker.communicate()
        seen = set()
        for path, line in WARNING.findall(output):
            if path not in seen:
                seen.add(path)
                found.append(Problem(path, int(line), "laid out differently from .clang-format: run ./dev format"))
        if worker.returncode != 0 and not seen:
            found.append(Problem(".clang-format", 1, f"{FORMAT} failed: {output.strip()[:200]}"))
    return found
