"""What can go wrong, with the gateway's own codes."""


class HoldfastError(Exception):
    """One sentence, the gateway's stable `code`, its HTTP `status` and, for wrong requests, `problems`."""

    def __init__(self, message, code="internal", status=None, problems=()):
        super().__init__(message)
        self.code = code
        self.status = status
        self.problems = list(problems)


class RunFailed(HoldfastError):
    """A run that was started and ended as failed or cancelled."""

    def __init__(self, message, code, run):
        super().__init__(message, code)
        self.run_id = run["id"]
        self.run = run
