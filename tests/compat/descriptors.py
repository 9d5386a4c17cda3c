"""Our message definitions for Temporal against the official ones: every message, field, enum and value.

Runs itself again in a virtual environment with PyPI's `temporalio`, which it makes once; skipped where that
cannot be had (HOLDFAST_REQUIRE=temporalio makes that a failure).
"""

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.35.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast"
HOME = CACHE / f"temporalio-{VERSION}"


def made(python):
    """Makes the environment with this Python; gives why it could not."""
    for words in ([python, "-m", "venv", "--clear", str(HOME)],
                  [str(HOME / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                   f"temporalio=={VERSION}"]):
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            return (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
    (HOME / "ready").touch()
    return ""


def environment():
    """The Python that has `temporalio`, or why there is none."""
    HOME.parent.mkdir(parents=True, exist_ok=True)
    problem = ""
    for python in (sys.executable, shutil.which("python3") or sys.executable):  # a Debian Python may lack venv
        if not (HOME / "ready").exists():
            problem = made(python)
    return (HOME / "bin" / "python", "") if (HOME / "ready").exists() else (None, problem)


class Descriptors(unittest.TestCase):
    def test_ours_are_a_part_of_the_official_ones(self):
        python, problem = environment()
        if python is None:
            reason = f"temporalio {VERSION} from PyPI cannot be had: {problem}"
            if "temporalio" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
                self.fail(reason)
            self.skipTest(reason)
        done = subprocess.run([python, "-B", __file__, "compare"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("fields are equal", done.stdout)


# What follows runs inside the environment.


def official():
    """The pool with every official message that loads without Google's annotations."""
    import temporalio.api
    from google.protobuf import descriptor_pool

    for module in pkgutil.walk_packages(temporalio.api.__path__, "temporalio.api."):
        wanted = module.name.endswith("_pb2") and not module.name.endswith(".service_pb2") and ".cloud." not in module.name
        if wanted:
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue  # needs google.api, which no message of ours does
    return descriptor_pool.Default()


def ours():
    """{full name: descriptor} of messages, and of enums."""
    from google.protobuf import descriptor_pb2

    protos = sorted((ROOT / "src/flow/temporal/proto").glob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"--descriptor_set_out={out.name}", "-I", str(ROOT / "src"), *map(str, protos)], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    messages, enums = {}, {}
    for file in files.file:
        if file.package.startswith("temporal."):
            messages.update({f"{file.package}.{message.name}": message for message in file.message_type})
            enums.update({f"{file.package}.{enum.name}": enum for enum in file.enum_type})
    return messages, enums


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def kind(field):
    """An official field's type as text: its number, the type it names, whether it is repeated."""
    named = field.message_type or field.enum_type
    return field.type, "" if named is None or is_map(field) else named.full_name, field.is_repeated


def own_kind(field, message, full_name):
    nested = {f".{full_name}.{entry.name}" for entry in message.nested_type if entry.options.map_entry}
    return field.type, "" if field.type_name in nested else field.type_name.lstrip("."), field.label == 3


def compare_fields(full_name, message, known, problems):
    count = 0
    names = {field.name: field for field in known.fields}
    for field in message.field:
        count += 1
        there = names.get(field.name)
        if there is None:
            problems.append(f"{full_name}.{field.name}: not in the protocol")
        elif there.number != field.number:
            problems.append(f"{full_name}.{field.name}: number {field.number}, the protocol has {there.number}")
        elif kind(there) != own_kind(field, message, full_name):
            problems.append(f"{full_name}.{field.name}: {own_kind(field, message, full_name)}, the protocol has {kind(there)}")
        elif field.HasField("oneof_index") != (there.containing_oneof is not None):
            problems.append(f"{full_name}.{field.name}: one of a oneof on one side only")
        for entry in message.nested_type:
            if field.type_name == f".{full_name}.{entry.name}":
                compare_fields(f"{full_name}.{entry.name}", entry, there.message_type, problems)
    return count


def compare():
    pool = official()
    messages, enums = ours()
    problems, fields = [], 0
    for name, message in messages.items():
        try:
            fields += compare_fields(name, message, pool.FindMessageTypeByName(name), problems)
        except KeyError:
            problems.append(f"{name}: not in the protocol")
    for name, enum in enums.items():
        known = {value.name: value.number for value in pool.FindEnumTypeByName(name).values}
        for value in enum.value:
            fields += 1
            if known.get(value.name) != value.number:
                problems.append(f"{name}.{value.name}: {value.number}, the protocol has {known.get(value.name)}")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(messages)} messages, {len(enums)} enums: {fields} fields are equal")


if __name__ == "__main__":
    compare() if sys.argv[1:] == ["compare"] else unittest.main()
