"""A Holdfast server of its own for one test: the real program on a free port, in a folder of its own.

    with House() as house:
        house.client.get("/v1/status")          # over HTTP
        house.run("resource", "list")           # the command line against it

The folder is kept when HOLDFAST_KEEP is set, so that a failure can be looked at.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from holdfast import Client

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HOLDFAST_BIN", "")
START_SECONDS = 60
LOOK_SECONDS = 0.02
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_the_test():
    """In the child: a test that is killed takes its server along."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def require_program(case):
    """Skips a test whose program is not built; HOLDFAST_REQUIRE=binary makes that a failure."""
    if PROGRAM and os.access(PROGRAM, os.X_OK):
        return
    reason = f"HOLDFAST_BIN ({PROGRAM or 'not set'}) is no program; build it first"
    if "binary" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
        case.fail(reason)
    case.skipTest(reason)


class House:
    """One server; `start` and `stop` may alternate on the same folder."""

    def __init__(self, **environment):
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-e2e-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.environment = environment
        self.process = None
        self.client = None
        self.program = PROGRAM
        self.listen = "127.0.0.1:0"
        self.arguments = []  # more words for `holdfast serve`
        self.user = None  # run the server as this user and group id

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        if not os.environ.get("HOLDFAST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, wait=True, **environment):
        (self.data / "endpoint.json").unlink(missing_ok=True)
        known = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", "--data", str(self.data), "--listen", self.listen, *self.arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self.user, group=self.user,
                                            extra_groups=None if self.user is None else [],
                                            preexec_fn=die_with_the_test, env={**known, **self.environment, **environment})
        if wait:
            self.wait_ready()

    def start_again(self):
        """Starts the server and says whether it came up."""
        self.start(wait=False)
        return self.wait_ready()

    def wait_ready(self):
        """Returns once the server answers; False when it ended before.

        Looks are counted, not seconds: a machine that is busy, or stops test and server for a while, takes none away."""
        for _ in range(int(START_SECONDS / LOOK_SECONDS)):
            if self.process.poll() is not None:
                return False
            endpoint = self.data / "endpoint.json"
            if endpoint.is_file() and endpoint.stat().st_size:
                self.client = Client(self.reach(json.loads(endpoint.read_text())["address"]), (self.data / "admin.token").read_text().strip())
                try:
                    self.client.get("/v1/health")
                    return True
                except Exception:  # not yet listening
                    pass
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"the server does not get ready; its log ends:\n{self.log_end()}")

    def reach(self, address):
        """The address by which this process reaches the server that listens on `address`."""
        return address

    def stop(self, how=signal.SIGTERM):
        """Ends the server and gives its exit code; negative for a signal."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        return self.process.returncode if self.process else None

    def log_end(self, lines=25):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def cli_environment(self):
        known = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        url = self.client.address if self.client else ""
        return {**known, "HOLDFAST_SERVER": url, "HOLDFAST_DATA": str(self.data), "NO_COLOR": "1"}

    def run(self, *words, code=0, **environment):
        """Runs `holdfast WORDS` against this server; gives the finished process. `code` None accepts any."""
        done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**self.cli_environment(), **environment})
        if code is not None and done.returncode != code:
            raise AssertionError(f"holdfast {' '.join(map(str, words))} ended with {done.returncode}, not {code}\n"
                                 f"{done.stdout}{done.stderr}\nserver:\n{self.log_end()}")
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json").stdout)

    def finish(self, workflow, **parameters):
        """Runs a workflow to its end over HTTP and gives its RunResult."""
        return self.client.wait(self.client.start(workflow, parameters))

    def protect(self, name, path, policy=None):
        body = {"name": name, "path": str(path)}
        return self.client.post("/v1/resources", body if policy is None else {**body, "policy": policy})

    def points(self, resource):
        return sorted(self.client.items("/v1/points", resource=resource), key=lambda point: point["time"])


class HouseTest(unittest.TestCase):
    """A test with a server: `self.house` runs, `self.folder` is a scratch folder."""

    def setUp(self):
        require_program(self)
        house = House()
        self.prepare(house)
        self.house = self.enterContext(house)
        self.folder = self.house.folder

    def prepare(self, house):
        """Before the server starts."""


def fill(tree, seed=1):
    """A small tree with the kinds of files that matter; gives it back."""
    import random

    dice = random.Random(seed)
    for number in range(12):
        folder = tree / f"d{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}.bin").write_bytes(dice.randbytes(dice.randrange(0, 200_000)))
    (tree / "text.txt").write_text("what is protected here\n")
    (tree / "link").symlink_to("text.txt")
    os.link(tree / "text.txt", tree / "d0" / "hard")
    os.chmod(tree / "d1" / "f1.bin", 0o640)
    os.utime(tree / "text.txt", ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    with open(tree / "holes", "wb") as sparse:
        sparse.seek(3_000_000)
        sparse.write(b"end")
    return tree


def picture(tree):
    """{relative path: what must come back}: kind, mode, time, and bytes or target."""
    found = {}
    for folder, folders, files in os.walk(tree):
        for name in [*folders, *files]:
            path = Path(folder) / name
            stat = path.lstat()
            if path.is_symlink():
                content = os.readlink(path)
            else:
                content = None if path.is_dir() else path.read_bytes()
            found[str(path.relative_to(tree))] = (oct(stat.st_mode), stat.st_mtime_ns, content)
    return found
