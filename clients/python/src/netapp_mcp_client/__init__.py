"""The optional MCP side of DevOps scripts. It constructs without any server; nothing is pretended."""

__all__ = ["MCPNotConfigured", "NetAppMCPClient"]


class MCPNotConfigured(RuntimeError):
    """Somebody used the MCP client although no MCP server is configured."""


class NetAppMCPClient:
    """Stands for the MCP server of an ActiveIQ installation, which Holdfast does not need for its workflows."""

    async def list_tools(self):
        raise self._missing("list_tools")

    async def call_tool(self, name, arguments=None):
        raise self._missing(f"call_tool({name!r})")

    async def read_resource(self, uri):
        raise self._missing(f"read_resource({uri!r})")

    @staticmethod
    def _missing(call):
        return MCPNotConfigured(f"{call} needs an MCP server and no MCP server is configured")
