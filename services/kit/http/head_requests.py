"""HEAD: the response to GET without its body. FastAPI's routes for GET don't handle it themselves."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def answer_heads(app: FastAPI) -> None:
    """Handle HEAD on every path that has GET, with the same status and headers. Call it after adding all other
    middleware."""
    app.add_middleware(_Heads)


class _Heads:
    """The middleware behind `answer_heads`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:
                # For the server the response is complete, so it signals a disconnect to a stream.
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET"}, receive, without_body)
