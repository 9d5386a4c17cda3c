"""The virtual environment with NetApp's published clients, made once: `netapp-ontap` and Ansible's `netapp.ontap`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CLIENT = "netapp-ontap==9.19.1.0"
PACKAGES = [CLIENT, "ansible==12.3.0", "requests"]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast"
HOME = CACHE / "netapp-9.19.1.0-ansible-12.3.0"


def made(python):
    """Makes the environment with this Python; gives why it could not."""
    for words in ([python, "-m", "venv", "--clear", str(HOME)],
                  [str(HOME / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]):
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            return (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
    (HOME / "ready").touch()
    return ""


def environment():
    """The Python that has the clients, or why there is none."""
    HOME.parent.mkdir(parents=True, exist_ok=True)
    problem = ""
    for python in (sys.executable, shutil.which("python3") or sys.executable):  # a Debian Python may lack venv
        if not (HOME / "ready").exists():
            problem = made(python)
    return (HOME / "bin" / "python", "") if (HOME / "ready").exists() else (None, problem)
