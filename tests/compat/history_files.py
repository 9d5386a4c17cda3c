"""Histories that packages carry, fetched once into the cache: Temporal's own server (Go module) keeps those of its
system workflows, and the SDK core (npm) some in binary form, which the SDK's environment turns into JSON.
"""

import gzip
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import descriptors

GO_MODULE = "go.temporal.io/server@v1.29.1"
NPM_PACKAGE = "@temporalio/core-bridge@1.13.0"
HOME = descriptors.CACHE / "temporal-histories-1"


def from_go(folder):
    """Unpacks the histories of the server's system workflows; gives how many."""
    if not shutil.which("go"):
        return 0
    with tempfile.TemporaryDirectory() as nowhere:
        done = subprocess.run(["go", "mod", "download", "-json", GO_MODULE], capture_output=True, text=True, cwd=nowhere,
                              env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"})
    if done.returncode != 0:
        return 0
    packed = sorted(Path(json.loads(done.stdout)["Dir"]).glob("service/**/testdata/**/*.json.gz"))
    for number, path in enumerate(packed):
        text = gzip.decompress(path.read_bytes())
        if b'"events"' in text[:200]:
            (folder / f"server-{number:02}-{path.name[:-8]}.json").write_bytes(text)
    return len(packed)


def from_npm(folder, python):
    """The SDK core's binary histories as JSON; gives how many."""
    if not shutil.which("npm") or python is None:
        return 0
    with tempfile.TemporaryDirectory() as place:
        if subprocess.run(["npm", "pack", "--silent", NPM_PACKAGE], capture_output=True, cwd=place).returncode != 0:
            return 0
        with tarfile.open(next(Path(place).glob("*.tgz"))) as packed:
            wanted = [entry for entry in packed.getmembers() if "/histories/" in entry.name and entry.name.endswith(".bin")]
            for entry in wanted:
                (Path(place) / Path(entry.name).name).write_bytes(packed.extractfile(entry).read())
        program = ("import sys, pathlib\n"
                   "from google.protobuf.json_format import MessageToJson\n"
                   "from temporalio.api.history.v1 import History\n"
                   "for path in pathlib.Path(sys.argv[1]).glob('*.bin'):\n"
                   "    history = History.FromString(path.read_bytes())\n"
                   "    (pathlib.Path(sys.argv[2]) / f'core-{path.stem}.json').write_text(MessageToJson(history))\n")
        done = subprocess.run([python, "-B", "-c", program, place, str(folder)], capture_output=True)
        return len(wanted) if done.returncode == 0 else 0


def folder():
    """The folder with the histories, or why there is none."""
    if not (HOME / "ready").exists():
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        python, _ = descriptors.environment()
        if from_go(HOME) + from_npm(HOME, python) == 0:
            return None, "neither go nor npm could fetch the packages"
        (HOME / "ready").touch()
    return HOME, ""


if __name__ == "__main__":
    print(folder())
