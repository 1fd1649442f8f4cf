#!/usr/bin/env python3
"""Clients of streams: keeps a number of streams open, and counts the events that arrive.

    stream_load.py --port N --token TOKEN --streams N --ramp SECONDS [--messages]

Streams begin one after the other during the ramp; a stream that ends is followed by another on the same connection.
Prints `ready` when all have begun and each has had an event. For every line on standard input it prints one:
events so far, streams that ended, and the number of open streams. Ends when standard input does.
A stream that does not end with [DONE] ends the whole run with exit code 1. With --messages, the streams are Anthropic's,
and end with message_stop.
"""

import argparse
import os
import select
import socket
import sys
import time

from workload import MESSAGES_REQUEST, STREAM_REQUEST

EVENT_END = b"\n\n"
CHATS = ("/v1/chat/completions", STREAM_REQUEST, b"data: [DONE]")
MESSAGES = ("/v1/messages", MESSAGES_REQUEST, b"event: message_stop")
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Client:
    def __init__(self, sock):
        self.socket = sock
        self.has_had_event = False
        self.tail = b""
        self.is_in_body = False
        self.is_done = False


class Load:
    def __init__(self, options):
        path, body, self.last = MESSAGES if options.messages else CHATS
        self.request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\n"
            f"Authorization: Bearer {options.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self.options = options
        self.poll = select.epoll()
        self.clients = {}
        self.events = self.ended = self.with_event = 0
        self.began = time.monotonic()
        os.set_blocking(sys.stdin.fileno(), False)
        self.poll.register(sys.stdin.fileno(), select.EPOLLIN)

    def run(self):
        is_ready = False
        while True:
            for number, _ in self.poll.poll(0.005 if len(self.clients) < self.options.streams else 1):
                if number != sys.stdin.fileno():
                    self.read(number, self.clients[number])
                elif not self.answer():
                    return
            self.begin_due()
            if not is_ready and self.with_event == self.options.streams:
                is_ready = True
                print("ready", flush=True)

    def begin_due(self):
        missing = self.options.streams - len(self.clients)
        if missing == 0:
            return
        share = min(1.0, (time.monotonic() - self.began) / max(self.options.ramp, 0.001))
        for _ in range(min(missing, int(share * self.options.streams) - len(self.clients))):
            sock = socket.create_connection(("127.0.0.1", self.options.port), timeout=20)
            sock.setblocking(False)
            self.clients[sock.fileno()] = Client(sock)
            self.poll.register(sock.fileno(), select.EPOLLIN)
            sock.send(self.request)

    def read(self, number, client):
        try:
            data = client.socket.recv(65536)
        except BlockingIOError:
            return
        if not data:
            sys.exit("stream_load: a connection was closed in the middle of a stream")
        data = client.tail + data
        if not client.is_in_body:
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                client.tail = head
                return
            if not head.startswith(b"HTTP/1.1 200"):
                sys.exit(f"stream_load: {head.decode(errors='replace')}\n{data.decode(errors='replace')}")
            client.is_in_body = True
        self.events += data.count(EVENT_END)
        client.is_done = client.is_done or self.last in data
        if not client.has_had_event and EVENT_END in data:
            client.has_had_event = True
            self.with_event += 1
        if data.endswith(LAST_CHUNK):
            return self.end(client)
        # A possible beginning of a searched text, without anything that was counted already.
        client.tail = data[max(data.rfind(EVENT_END) + len(EVENT_END), len(data) - len(self.last), 0):]

    def end(self, client):
        if not client.is_done:
            sys.exit(f"stream_load: a stream ended without {self.last.decode()}")
        self.ended += 1
        client.tail, client.is_in_body, client.is_done = b"", False, False
        client.socket.send(self.request)

    def answer(self):
        lines = sys.stdin.read()
        if not lines:
            return False
        print(self.events, self.ended, len(self.clients), flush=True)
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--ramp", type=float, required=True)
    parser.add_argument("--messages", action="store_true")
    Load(parser.parse_args()).run()


if __name__ == "__main__":
    main()
