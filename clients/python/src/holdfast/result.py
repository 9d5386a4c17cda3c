"""The outcome of a run as an object."""


class RunResult:
    """The fields of a run's result as attributes, beside `run_id`, `status`, `workflow` and `approval`.

    `status` is `completed`, or `waiting` when somebody has to approve first: then there are no result
    fields yet, and `approval` says what is asked."""

    def __init__(self, run):
        self.run = run
        self.run_id = run["id"]
        self.workflow = run.get("workflow")
        self.status = run["status"]
        self.approval = run.get("approval")
        self._fields = run.get("result") or {}

    def __getattr__(self, name):
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        known = ", ".join(sorted(fields)) or "none yet"
        raise AttributeError(f"run {self.__dict__.get('run_id')} has no result field '{name}' (it has: {known})")

    def __dir__(self):
        return [*super().__dir__(), *self._fields]

    def __repr__(self):
        return f"RunResult(run_id={self.run_id!r}, status={self.status!r}, fields={sorted(self._fields)})"

    def to_dict(self):
        return dict(self._fields)
