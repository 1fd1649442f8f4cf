"""A small HTTP/1.1 server on 127.0.0.1 for the engines of these tests, on a machine that may sleep.

`run(handler)` prints one line of JSON with the address, and serves until standard input (a pipe) ends or SIGTERM arrives.
With `--boot SECONDS` the machine sleeps at first: nothing answers at its address, not even the kernel. SIGUSR1 wakes it;
after the boot time it serves. Further SIGUSR1 are counted and have no effect.

`GET /record` returns what the engine has seen: `{"wakes": 1, "served_after": 60.0, "requests": […]}`.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import stat
import sys
import time
import urllib.parse

MAX_HEAD = 256 * 1024


class Request:
    def __init__(self, method, target, headers, reader):
        parts = urllib.parse.urlsplit(target)
        self.method, self.path, self.query, self.headers, self.reader = method, parts.path, parts.query, headers, reader
        self.is_read = False

    async def pieces(self):
        """The body, piece by piece: bodies may be larger than the memory of a test."""
        self.is_read = True
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readline()
            while (await self.reader.readline()).strip():
                pass
        else:
            left = int(self.headers.get("content-length", 0))
            while left:
                piece = await self.reader.read(min(left, 256 * 1024))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(piece)
                yield piece

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])


class Response:
    """`content`: bytes, a value for JSON, or an asynchronous iterator of pieces."""

    def __init__(self, content, status=200, media_type=None, headers=()):
        self.is_stream = hasattr(content, "__aiter__")
        if not self.is_stream and not isinstance(content, bytes):
            content, media_type = json.dumps(content).encode(), media_type or "application/json"
        self.content, self.status = content, status
        self.headers = {"Content-Type": media_type or "application/octet-stream", **dict(headers)}


def refusal(message, status=400):
    """An error in the form of OpenAI's API."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Response({"error": error}, status)


class BrokenStream(Exception):
    """The engine closes the connection in the middle of a response."""


class Server:
    def __init__(self, handler, boot):
        self.handler, self.boot = handler, boot
        self.requests, self.wakes = [], 0
        self.woken_at = self.served_after = None
        self.fillers = []

    async def run(self):
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_signal_handler(signal.SIGUSR1, self.wake)
        if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
            loop.add_reader(sys.stdin.fileno(), lambda: os.read(0, 4096) or ended.set())
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        if self.boot is None:
            await self.listen()
        else:
            self.sleep()
        print(json.dumps({"url": f"http://127.0.0.1:{self.port}", "pid": os.getpid()}), flush=True)
        await ended.wait()
        os._exit(0)  # open streams may last for ever

    def sleep(self):
        """A full accept queue: the kernel drops further connection requests, as a network does for a sleeping machine."""
        self.listener.listen(0)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def wake(self):
        self.wakes += 1
        if self.wakes == 1 and self.boot is not None:
            self.woken_at = time.monotonic()
            self.booting = asyncio.ensure_future(self.start_up())

    async def start_up(self):
        await asyncio.sleep(self.boot)
        self.listener.close()
        for filler in self.fillers:
            filler.close()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        await self.listen()
        self.served_after = time.monotonic() - self.woken_at

    async def listen(self):
        await asyncio.start_server(self.connection, sock=self.listener, limit=MAX_HEAD)

    async def connection(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, BrokenStream):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        method, target, _ = head[0].split(" ")
        headers = {}
        for line in head[1:-2]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        request = Request(method, target, headers, reader)
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.path == "/record":
            response = Response({"wakes": self.wakes, "served_after": self.served_after, "requests": self.requests})
        else:
            response = await self.handler(request, self.requests)
        if not request.is_read:
            await request.body()
        await self.send(response, writer, method)
        return headers.get("connection", "").lower() != "close"

    @staticmethod
    async def send(response, writer, method):
        lines = [f"HTTP/1.1 {response.status} Status"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        length = "Transfer-Encoding: chunked" if response.is_stream else f"Content-Length: {len(response.content)}"
        writer.write("\r\n".join(lines + [length, "", ""]).encode())
        if method == "HEAD":
            pass
        elif not response.is_stream:
            writer.write(response.content)
        else:
            async for piece in response.content:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                if writer.transport.is_closing():
                    await response.content.aclose()
                    raise ConnectionResetError
            writer.write(b"0\r\n\r\n")
        await writer.drain()


def run(handler, *options):
    """- Parameter handler: `async handler(request, record) -> Response`; it appends to `record` what it has seen."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--boot", type=float, help="the machine sleeps, and needs these seconds to boot")
    for name, settings in options:
        parser.add_argument(name, **settings)
    arguments = parser.parse_args()
    asyncio.run(Server(lambda *call: handler(arguments, *call), arguments.boot).run())
