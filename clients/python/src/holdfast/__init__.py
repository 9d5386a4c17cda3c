"""Client of the Holdfast gateway: standard library only."""

from .client import Client
from .errors import HoldfastError, RunFailed
from .result import RunResult

__all__ = ["Client", "HoldfastError", "RunFailed", "RunResult"]
__version__ = "0.1.0"
