"""./dev bench proposal: how long the proposal of a recovery takes over a btrfs snapshot of some GB, by the product itself.

    untouched       nothing was written since the snapshot: by ctimes and blocks
    some written    one file in fifty was: those are read
    touched         every file's ctime moved and no byte did: everything is read, as it always was before

Each is a dry run of `data_recovery` in place, from its start to its end, after the filesystem was mounted anew, so that
nothing of it is in memory. Needs root, mkfs.btrfs and a loop device. BENCH_GB says how much (3), BENCH_QUICK=1 takes a tenth.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "clients" / "python" / "src")]
from house import House  # noqa: E402

TOTAL = int(float(os.environ.get("BENCH_GB", "3")) * 1e9 * (0.1 if os.environ.get("BENCH_QUICK") else 1))
SIZES = (1_000, 20_000, 200_000, 2_000_000, 20_000_000)
TOO_FRESH = 2.5  # seconds; what is younger at the snapshot is read


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout.strip()


class Disk:
    """A btrfs on a loop device that does not keep its file in memory too."""

    def __init__(self, folder):
        image, self.path = folder / "image", folder / "disk"
        self.path.mkdir()
        with open(image, "wb") as file:
            file.truncate(TOTAL + TOTAL // 2 + (1 << 30))
        run("mkfs.btrfs", "-q", image)
        self.device = run("losetup", "--direct-io=on", "-f", "--show", image)

    def __enter__(self):
        run("mount", self.device, self.path)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=False)
        subprocess.run(["losetup", "-d", self.device], check=False)

    def forget(self):
        run("umount", self.path)
        run("mount", self.device, self.path)


def fill(tree):
    dice, files, total = random.Random(1), [], 0
    while total < TOTAL:
        size = dice.choice(SIZES)
        file = tree / f"d{len(files) % 40}" / f"f{len(files)}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(dice.randbytes(size))
        files.append(file)
        total += size
    return files, total


def proposal(house, disk):
    """Seconds, and what would be overwritten."""
    disk.forget()
    run_id = house.client.start("data_recovery", {"recovery_type": "volume", "source_backup": "tree", "target_location": "in-place",
                                                  "copy": "local_snapshot", "dry_run": True})["id"]
    house.client.wait(house.client.run(run_id))
    ended = house.client.run(run_id)
    begin, end = (datetime.fromisoformat(ended[name]) for name in ("started_at", "ended_at"))
    return (end - begin).total_seconds(), ended["proposal"]["overwrites"]


def write_some(files):
    for file in files[::50]:
        with open(file, "r+b") as out:
            out.write(b"changed")


def touch_all(files):
    for file in files:
        mode = file.stat().st_mode & 0o7777
        file.chmod(mode ^ 0o100)
        file.chmod(mode)


def main():
    if os.geteuid() != 0:
        sys.exit("bench: proposal mounts a btrfs and needs root")
    with tempfile.TemporaryDirectory(prefix="holdfast-proposal-", dir=os.environ.get("BENCH_DIR", "/var/tmp")) as name:
        with Disk(Path(name)) as disk, House() as house:
            measure(house, disk)


def measure(house, disk):
    tree = disk.path / "tree"
    run("btrfs", "subvolume", "create", tree)
    files, total = fill(tree)
    time.sleep(TOO_FRESH)
    house.client.post("/v1/documents", {"document": {"kind": "policy", "name": "snapshots", "levels": [{"level": "local_snapshot"}]}})
    house.protect("tree", tree, policy="snapshots")
    house.finish("scheduled_backup", resource="tree")
    print(f"{len(files)} files, {total / 1e9:.1f} GB", flush=True)
    found = {}
    for what, prepare in (("untouched", None), ("some written", write_some), ("touched", touch_all)):
        if prepare:
            prepare(files)
        seconds, overwrites = proposal(house, disk)
        found[what] = seconds
        print(f"{what:<20}{seconds:>10.2f} s   would overwrite {overwrites}", flush=True)
    print(f"{'ratio':<20}{found['touched'] / found['untouched']:>10.1f}     untouched to reading everything")


if __name__ == "__main__":
    main()
