"""The response that sends a stream's events to one client."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.aggregator.api.stream.channels import Channel, ChannelQuestion, Client, LastSeen
from services.aggregator.api.stream.streams import Streams

HEARTBEAT = b": heartbeat\n\n"
RECONNECT = b"retry: 2000\n\n"


class EventStream(Response):
    """A response of server-sent events, for the OpenAPI document."""

    media_type = "text/event-stream"


class Stream(EventStream):
    """The response that follows a channel."""

    def __init__(self, streams: Streams, question: ChannelQuestion, seen: LastSeen | None, *, keyed: bool) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._question, self._seen, self._keyed = streams, question, seen, keyed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = Client(self._seen)
        release = self._streams.limits.hold("streams", keyed=self._keyed)
        try:
            with self._streams.following(self._question, client, keyed=self._keyed) as channel:
                await self._streams.begin(channel, keyed=self._keyed)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                watch = asyncio.create_task(_watch(receive, client), name="watch a stream's client")
                try:
                    await self._follow(channel, client, send)
                finally:
                    watch.cancel()
        finally:
            release()

    async def _follow(self, channel: Channel, client: Client, send: Send) -> None:
        if client.seen != channel.last:
            client.seen = None
        await send({"type": "http.response.body", "body": RECONNECT, "more_body": True})
        while not (client.gone or self._streams.closing):
            client.wake.clear()
            event = channel.event(client.seen)
            if event is not None:
                client.seen = channel.last
                await send({"type": "http.response.body", "body": event.content, "more_body": True})
                self._streams.sent(event.name)
            elif client.heartbeat:
                client.heartbeat = False
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            else:
                await client.wake.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, client: Client) -> None:
    """Mark the client as gone when it disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
    client.gone = True
    client.wake.set()
