"""python3 tools/check [--all] [NAME...]: runs the checks and prints what to change, one line each.

--all looks with the compiler at every file; without it, at those that changed against main.
"""

import sys
import time

import compile as compiler
import includes
import layout
import papers
import sizes
import words

CHECKS = {
    "format": layout.check,
    "includes": includes.check,
    "sizes": sizes.check,
    "words": words.check,
    "papers": papers.check,
    "headers": compiler.headers,
    "tidy": compiler.tidy,
}


def main(arguments):
    everything = "--all" in arguments
    names = [word for word in arguments if word != "--all"]
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"check: there is no check '{unknown[0]}'; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    count = 0
    for name in names or CHECKS:
        started = time.monotonic()
        problems = sorted(set(CHECKS[name](everything)))
        for problem in problems:
            print(problem)
        count += len(problems)
        print(f"check {name}: {len(problems) or 'nothing'} to change ({time.monotonic() - started:.1f} s)", flush=True)
    return 1 if count else 0


sys.exit(main(sys.argv[1:]))
