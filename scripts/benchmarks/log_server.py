#!/usr/bin/env python3
"""Writes the datagrams that arrive at a local socket to a file, as a syslog daemon does.

    log_server.py SOCKET FILE

Prints `listening` when the socket accepts datagrams. Runs until it is terminated.
"""

import os
import socket
import sys


def main():
    path, file = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind(path)
    os.chmod(path, 0o666)
    print("listening", flush=True)
    with open(file, "wb", buffering=1 << 16) as log:
        while True:
            log.write(server.recv(65536))


if __name__ == "__main__":
    main()
