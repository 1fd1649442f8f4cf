#!/usr/bin/env python3
"""An upstream that streams: a number of events per response at an interval, to any number of clients.

    stream_engine.py --port N --events N --interval SECONDS

One thread around epoll: it shares a core with the load and must not be the bottleneck of the measurement.
"""

import argparse
import heapq
import select
import socket
import time

from workload import DONE, MODELS, chunked, event

HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")
EVENT = chunked(event())
END = chunked(event("stop")) + chunked(DONE) + b"0\r\n\r\n"
LIST = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(MODELS)}\r\n"
        f"Connection: close\r\n\r\n{MODELS}").encode()
# Events that are due within this time are written in one round; shorter rounds would be all overhead.
ROUND_SECONDS = 0.0005


class Connection:
    def __init__(self, sock):
        self.socket = sock
        self.pending = b""
        self.events_left = 0
        self.due = 0.0


class Engine:
    def __init__(self, port, events, interval):
        self.events, self.interval = events, interval
        self.poll = select.epoll()
        self.connections = {}
        self.schedule = []
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listener.setblocking(False)
        self.poll.register(self.listener.fileno(), select.EPOLLIN)

    def run(self):
        while True:
            wait = max(0.0, self.schedule[0][0] - time.monotonic()) if self.schedule else -1
            for number, _ in self.poll.poll(wait):
                if number == self.listener.fileno():
                    self.accept()
                else:
                    self.read(number)
            self.send_due(time.monotonic() + ROUND_SECONDS)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[sock.fileno()] = Connection(sock)
            self.poll.register(sock.fileno(), select.EPOLLIN)

    def read(self, number):
        connection = self.connections[number]
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            return self.forget(number)
        connection.pending += data
        head, separator, body = connection.pending.partition(b"\r\n\r\n")
        if not separator:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(body) < length:
            return
        connection.pending = body[length:]
        if head.startswith(b"GET"):
            self.send(number, connection, LIST)
        else:
            connection.events_left = self.events
            connection.due = time.monotonic()
            if self.send(number, connection, HEAD):
                heapq.heappush(self.schedule, (connection.due, number))

    def send_due(self, until):
        while self.schedule and self.schedule[0][0] <= until:
            _, number = heapq.heappop(self.schedule)
            connection = self.connections.get(number)
            if connection is None or connection.events_left == 0:
                continue
            connection.events_left -= 1
            if self.send(number, connection, EVENT if connection.events_left else END) and connection.events_left:
                connection.due += self.interval
                heapq.heappush(self.schedule, (connection.due, number))

    def send(self, number, connection, data):
        try:
            if connection.socket.send(data) == len(data):
                return True
        except (BlockingIOError, ConnectionError):
            pass
        # The clients here do not read that slowly; such a connection has closed.
        self.forget(number)
        return False

    def forget(self, number):
        connection = self.connections.pop(number)
        connection.events_left = 0
        self.poll.unregister(number)
        connection.socket.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--interval", type=float, required=True)
    options = parser.parse_args()
    engine = Engine(options.port, options.events, options.interval)
    print("listening", flush=True)
    engine.run()


if __name__ == "__main__":
    main()
