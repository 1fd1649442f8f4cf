"""Many clients of one gateway: `crowd.py URL MODEL [--refused N] [--idle N] [--streams N]`.

Sends calls for a model that does not exist (their log lines are long), then opens connections and leaves them idle, then
runs streams, all at once. Prints one line of JSON: what the gateway answered, and how many connections are still open."""

import argparse
import concurrent.futures
import http.client
import json
import resource
import socket
import urllib.parse

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("model")
parser.add_argument("--refused", type=int, default=0)
parser.add_argument("--idle", type=int, default=0)
parser.add_argument("--streams", type=int, default=0)
options = parser.parse_args()
address = urllib.parse.urlparse(options.url)
LIMIT = 300  # seconds without a byte: a gateway that does not answer


def post(connection, model, **fields):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Count"}], **fields},
                      ensure_ascii=False)
    connection.request("POST", "/v1/chat/completions", body.encode(), {"Content-Type": "application/json"})
    return connection.getresponse()


def refused_calls(count):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT)
    statuses = set()
    for _ in range(count):
        # Three bytes each in the request, and six in the log line.
        response = post(connection, "\u2028" * 170)
        response.read()
        statuses.add(response.status)
    return sorted(statuses)


def idle_connection():
    try:
        connection = socket.create_connection((address.hostname, address.port), timeout=LIMIT)
        connection.setblocking(False)
        return connection
    except OSError:
        return None


def is_open(connection):
    try:
        return connection is not None and connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def stream(_):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT)
    try:
        response = post(connection, options.model, stream=True)
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as problem:
        return repr(problem)
    finally:
        connection.close()
    return "complete" if response.status == 200 and text.endswith("data: [DONE]\n\n") else f"{response.status} {text}"


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
refused = refused_calls(options.refused)
idle = [idle_connection() for _ in range(options.idle)]
with concurrent.futures.ThreadPoolExecutor(max(1, options.streams)) as pool:
    streams = list(pool.map(stream, range(options.streams)))
print(json.dumps({
    "refusals": refused, "complete": streams.count("complete"),
    "failures": sorted({outcome for outcome in streams if outcome != "complete"})[:3],
    "idle": sum(map(is_open, idle))}), flush=True)
