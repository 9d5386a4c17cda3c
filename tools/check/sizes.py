"""Functions up to 70 lines, files up to 400; a longer file says why in its head (`// Long file: ...`)."""

import re

import tree
from tree import Problem

FUNCTION_LINES = 70
FILE_LINES = 400
EXCUSE = re.compile(r"^(//|#|\s*\*?)\s*Long file: \S", re.M)


def functions(text):
    """(first line, lines, name) of each function body in blanked C++ code.

    Walks the braces. One that opens in a namespace or class, after a parameter list, is a body."""
    stack, start = [], 0
    for match in re.finditer(r"[{};]", text):
        sign, at = match.group(0), match.start()
        if sign == "{":
            head = text[start:at]
            outer = stack[-1][0] if stack else "scope"
            stack.append((kind_of(head, outer), at, head))
            start = at + 1
        elif sign == "}":
            if stack:
                kind, opened, head = stack.pop()
                if kind == "function":
                    first = tree.line_of(text, opened)
                    yield first, tree.line_of(text, at) - first + 1, name_of(head)
            start = at + 1
        elif not in_parentheses(text[start:at]):
            start = at + 1


def in_parentheses(piece):
    return piece.count("(") > piece.count(")")


def kind_of(head, outer):
    if outer != "scope" or in_parentheses(head):
        return "block"
    plain = re.sub(r"^\s*#.*$", "", head, flags=re.M)
    if re.search(r"\b(namespace|extern)\b[^()]*$", plain):
        return "scope"
    if re.search(r"\b(class|struct|union|enum)\b", plain) and not re.search(r"\)\s*(const|noexcept|override|->|$)", plain.rstrip()):
        return "scope"
    if "(" in plain and not re.search(r"=\s*$", plain):
        return "function"
    return "block"


def name_of(head):
    names = re.findall(r"([\w:~]+)\s*\(", head)
    return names[0] if names else "this function"


def check_text(name, text):
    found = []
    lines = text.count("\n") + (0 if text.endswith("\n") else 1)
    if lines > FILE_LINES and not EXCUSE.search("\n".join(text.split("\n")[:30])):
        found.append(Problem(name, FILE_LINES + 1, f"{lines} lines, the limit is {FILE_LINES}: split it by subject, or say why "
                                                   f"not in its head comment ('Long file: ...')"))
    if name.endswith((".cc", ".h")):
        for first, count, function in functions(tree.blank(text)):
            if count > FUNCTION_LINES:
                found.append(Problem(name, first, f"{function} has {count} lines, the limit is {FUNCTION_LINES}: "
                                                  f"give its parts names"))
    return found


def check(_all):
    kinds = (".cc", ".h", ".py", ".sh", ".cmake")
    found = []
    for name in tree.tracked():
        if name.endswith(kinds):
            found += check_text(name, tree.read(name))
    return found
