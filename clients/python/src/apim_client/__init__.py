"""The gateway as DevOps scripts see it: `APIMClient().execute_temporal_workflow(request)`."""

import asyncio

from holdfast import Client, HoldfastError, RunFailed, RunResult

__all__ = ["APIMClient", "HoldfastError", "RunFailed", "RunResult"]


class APIMClient:
    """Starts workflows through the Holdfast gateway. Each call runs in a thread, the event loop stays free."""

    def __init__(self, server=None, token=None):
        self.client = Client(server, token)

    async def execute_temporal_workflow(self, request: dict) -> RunResult:
        """Runs `request["workflow"]` with `request["parameters"]` and waits for its end.

        The result's fields are attributes of the answer. When the run waits for an approval the answer comes at
        once, with status `waiting` and the approval; `auto_approve` in the request never changes that."""
        if not isinstance(request, dict) or not request.get("workflow"):
            raise HoldfastError("a workflow request needs the key 'workflow' with the workflow's name", "invalid_argument")
        return await asyncio.to_thread(self._execute, request["workflow"], request.get("parameters") or {})

    def _execute(self, workflow, parameters):
        return self.client.wait(self.client.start(workflow, parameters))
