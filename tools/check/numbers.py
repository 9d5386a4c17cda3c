"""./dev numbers: the project in the figures of the style page: files, functions, comments, tests."""

import re

import rooms
import sizes
import tree


def percentile(values, share):
    ordered = sorted(values) or [0]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(label, names):
    lines = [tree.read(name).count("\n") for name in names]
    lengths = [count for name in names for _, count, _ in sizes.functions(tree.code(name))]
    headers = "\n".join(tree.read(name) for name in names if name.endswith(".h"))
    comments = len(re.findall(r"^\s*//", headers, re.M)) / max(1, headers.count("\n"))
    code = sum(lines[i] for i, name in enumerate(names) if not name.endswith("_test.cc"))
    tests = sum(lines) - code
    print(f"{label:<12}{len(names):>6}{sum(lines):>8}{percentile(lines, .5):>7}{percentile(lines, .9):>7}"
          f"{percentile(lengths, .5):>7}{percentile(lengths, .99):>7}{comments:>9.0%}{tests / max(1, code):>8.2f}")


def main():
    names = [name for name in tree.cpp(tree.tracked()) if name.startswith("src/")]
    print(f"{'room':<12}{'files':>6}{'lines':>8}{'f p50':>7}{'f p90':>7}{'fn p50':>7}{'fn p99':>7}{'comments':>9}{'test/c':>8}")
    for room in rooms.ROOMS:
        own = [name for name in names if rooms.room_of(name[4:]) == room]
        if own:
            row(room, own)
    row("all", names)
    print("targets: file p50 <= 150, p90 <= 400; function p99 <= 70; comments in headers 15-25 %; test : code >= 0.9")


if __name__ == "__main__":
    main()
