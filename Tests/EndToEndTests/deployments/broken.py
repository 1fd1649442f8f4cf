"""A server that is not a deployment: it fails every request in the same way.

    broken.py closes | silent | rubbish | html | text | missing | redirect [--mark FILE]

Prints `{"url": …}` when it listens. Creates FILE when the first client has connected.
"""

import argparse
import json
import pathlib
import socket
import threading


def answer(status, content_type, body, *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


NONSENSE = {
    "closes": None,
    "silent": None,
    "rubbish": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "html": answer("200 OK", "text/html", "<!doctype html><html><title>Welcome</title></html>"),
    "text": answer("200 OK", "text/plain", "ok"),
    "missing": answer("404 Not Found", "application/json", '{"detail":"Not Found"}'),
    "redirect": answer("301 Moved", "text/plain", "", "Location: https://elsewhere.example/"),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("kind", choices=NONSENSE)
parser.add_argument("--mark", type=pathlib.Path)
options = parser.parse_args()


def serve(connection):
    with connection:
        if options.kind == "closes":
            return
        if not connection.recv(65536):
            return
        if options.kind == "silent":
            while connection.recv(65536):
                pass
            return
        connection.sendall(NONSENSE[options.kind])


listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
while True:
    accepted, _ = listener.accept()
    if options.mark:
        options.mark.touch()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
