"""The Temporal dev server with its file database, and a worker of Temporal's Go SDK (bench/temporal_go)."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast"
SERVER = Path(os.environ.get("HOLDFAST_TEMPORAL_CLI") or CACHE / "bin" / "temporal-v1.5.1")


def go_program():
    """bench/temporal_go, built once for each state of its source."""
    made = CACHE / "bin" / "temporal_go"
    source = ROOT / "bench" / "temporal_go"
    if not made.exists() or made.stat().st_mtime < max(file.stat().st_mtime for file in source.iterdir()):
        if not shutil.which("go"):
            raise RuntimeError("Go is missing")
        done = subprocess.run(["go", "build", "-o", str(made), "."], cwd=source, capture_output=True, text=True,
                              env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"})
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return made


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DevServer:
    """A dev server on a free port, with the file database in `folder`."""

    def __init__(self, folder):
        if not SERVER.exists():
            raise RuntimeError("its server is missing: ./dev deps --temporal builds it")
        self.address = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [SERVER, "server", "start-dev", "--headless", "--port", self.address.rsplit(":", 1)[1], "--log-level", "never",
             "--db-filename", folder / "temporal.db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        check = [SERVER, "operator", "cluster", "health", "--address", self.address]
        while subprocess.run(check, capture_output=True).returncode != 0:
            if self.process.poll() is not None:
                raise RuntimeError("its server ended at once")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def latency(address, runs, at_once):
    done = subprocess.run([go_program(), "latency", address, str(runs), str(at_once)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def measure(folder, one, many):
    go_program()
    with DevServer(folder) as server:
        return {"one": latency(server.address, one, 1), "many": latency(server.address, many, 100)}
