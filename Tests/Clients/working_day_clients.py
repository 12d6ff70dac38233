"""The clients of working_day.py behind one face: each is a published package, used as its documentation says."""

import asyncio
import contextlib
from datetime import timedelta


class Face:
    """What the day needs of a client; the subclasses know their package."""

    protocols = ("2026-07-28",)
    has_tasks = False
    # Whether the client shows the texts of progress notifications.
    has_progress_messages = True

    def __init__(self, server: str, environment: dict[str, str]):
        self.server, self.environment, self.asked = server, environment, 0
        self.stack = contextlib.AsyncExitStack()

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *error):
        return await self.stack.__aexit__(*error)

    @staticmethod
    def text(result) -> str:
        return "".join(block.text for block in result.content)


class SDK2(Face):
    """The Python SDK 2.x: `Client` with a mode."""

    mode = "auto"

    async def open(self):
        from mcp import Client, StdioServerParameters
        from mcp_types import ElicitResult

        async def answer(context, params):
            self.asked += 1
            return ElicitResult(action="accept", content={"accept": True})

        parameters = StdioServerParameters(command=self.server, env=self.environment)
        self.client = await self.stack.enter_async_context(
            Client(parameters, mode=self.mode, read_timeout_seconds=60, elicitation_callback=answer))
        self.protocol = self.client.protocol_version

    async def tools(self):
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool, arguments=None, progress=None):
        async def told(_progress, _total, message):
            progress.append(message or "")

        result = await self.client.call_tool(
            tool, arguments or {}, progress_callback=told if progress is not None else None)
        return self.text(result), self.failed(result)

    @staticmethod
    def failed(result) -> bool:
        return bool(result.is_error)

    async def give_up(self, tool, arguments, after):
        with contextlib.suppress(Exception):
            await self.client.call_tool(tool, arguments, read_timeout_seconds=after)

    async def read(self, uri):
        return "".join(part.text for part in (await self.client.read_resource(uri)).contents)

    async def complete(self, prompt, argument, value):
        from mcp_types import PromptReference
        reference = PromptReference(type="ref/prompt", name=prompt)
        return (await self.client.complete(reference, {"name": argument, "value": value})).completion.values

    async def prompt(self, name, arguments):
        return (await self.client.get_prompt(name, arguments)).messages[0].content.text


class SDK2Legacy(SDK2):
    mode, protocols = "legacy", ("2025-11-25",)


class SDK2Stateless(SDK2):
    mode = "2026-07-28"


class SDK1(SDK2):
    """The Python SDK 1.x: a session over a pair of streams."""

    protocols = ("2025-06-18",)

    async def open(self):
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client
        from mcp.types import ElicitResult

        async def answer(context, params):
            self.asked += 1
            return ElicitResult(action="accept", content={"accept": True})

        parameters = StdioServerParameters(command=self.server, env=self.environment)
        read, write = await self.stack.enter_async_context(stdio_client(parameters))
        self.client = await self.stack.enter_async_context(
            ClientSession(read, write, read_timeout_seconds=timedelta(seconds=60), elicitation_callback=answer))
        self.protocol = (await self.client.initialize()).protocolVersion

    @staticmethod
    def failed(result) -> bool:
        return bool(result.isError)

    async def give_up(self, tool, arguments, after):
        """This SDK says nothing when it gives up, so a program that uses it sends the notification itself."""
        from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification
        request = self.client._request_id
        with contextlib.suppress(Exception):
            await self.client.call_tool(tool, arguments, read_timeout_seconds=timedelta(seconds=after))
        await self.client.send_notification(ClientNotification(CancelledNotification(
            method="notifications/cancelled", params=CancelledNotificationParams(requestId=request))))

    async def read(self, uri):
        from pydantic import AnyUrl
        return "".join(part.text for part in (await self.client.read_resource(AnyUrl(uri))).contents)

    async def complete(self, prompt, argument, value):
        from mcp.types import PromptReference
        reference = PromptReference(type="ref/prompt", name=prompt)
        return (await self.client.complete(reference, {"name": argument, "value": value})).completion.values


class FastMCP(Face):
    """fastmcp, which declares the tasks extension by itself when fastmcp-tasks is there."""

    has_tasks = True

    async def open(self):
        import fastmcp_tasks  # noqa: F401: registers the extension with every client.
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport

        async def answer(message, response_type, params, context):
            self.asked += 1
            return {"accept": True} if response_type is None else response_type(accept=True)

        transport = StdioTransport(self.server, [], env=self.environment, keep_alive=False)
        self.client = await self.stack.enter_async_context(
            Client(transport, timeout=60, elicitation_handler=answer))
        self.protocol = self.client.protocol_version

    async def tools(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, tool, arguments=None, progress=None):
        async def told(_progress, _total, message):
            progress.append(message or "")

        result = await self.client.call_tool(
            tool, arguments or {}, raise_on_error=False,
            progress_handler=told if progress is not None else None)
        return self.text(result), bool(result.is_error)

    async def give_up(self, tool, arguments, after):
        with contextlib.suppress(Exception):
            await self.client.call_tool(tool, arguments, timeout=after)

    async def read(self, uri):
        return "".join(part.text for part in await self.client.read_resource(uri))

    async def complete(self, prompt, argument, value):
        from mcp_types import PromptReference
        reference = PromptReference(type="ref/prompt", name=prompt)
        return (await self.client.complete(reference, {"name": argument, "value": value})).values

    async def prompt(self, name, arguments):
        return (await self.client.get_prompt(name, arguments)).messages[0].content.text

    async def task(self, tool, arguments):
        from fastmcp_tasks import call_tool_task
        task = await call_tool_task(self.client, tool, arguments)
        result = await task.result()
        return (await task.status()).status, self.text(result)

    async def cancelled_task(self, tool, arguments):
        from fastmcp_tasks import call_tool_task
        task = await call_tool_task(self.client, tool, arguments)
        await task.cancel()
        for _ in range(200):
            status = (await task.status()).status
            if status != "working":
                return status
            await asyncio.sleep(0.05)
        return status


CLIENTS = {"sdk2-auto": SDK2, "sdk2-legacy": SDK2Legacy, "sdk2-stateless": SDK2Stateless, "sdk1": SDK1,
           "fastmcp": FastMCP}
