"""A stand-in deployment with two ready runners: `fair` alternates between them, `one-sided` uses only one.

    one_sided.py fair | one-sided

Prints `{"url": …}` when it listens. It implements the part of the contract that the workload routing test needs.
"""

import http.server
import itertools
import json
import sys
import threading
import time

MODEL = "stand-in:1b"
MODELS = {"object": "list", "data": [
    {"id": name, "object": "model", "created": 0, "owned_by": "stand-in", "state": "ready", "runners_ready": 2,
     "classes": ["fast"]}
    for name in ("class:fast", MODEL)]}

turns = itertools.count()
lock = threading.Lock()


def next_runner():
    with lock:
        return "left" if sys.argv[1] == "one-sided" or next(turns) % 2 == 0 else "right"


class Deployment(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, content, content_type="application/json", **headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.answer(json.dumps(MODELS).encode())

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        runner = next_runner()
        time.sleep(0.05)  # long enough for calls to overlap
        common = {"id": "chatcmpl-1", "created": 0, "model": MODEL}
        if request.get("stream"):
            parts = [{"role": "assistant", "content": "A "}, {"content": "word."}, {}]
            chunks = [common | {"object": "chat.completion.chunk", "choices": [
                {"index": 0, "delta": part, "finish_reason": None if part else "stop"}]} for part in parts]
            lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
            return self.answer("".join(lines).encode(), "text/event-stream", x_simpleai_runner=runner)
        message = {"role": "assistant", "content": "A word."}
        self.answer(json.dumps(common | {
            "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}).encode(),
            x_simpleai_runner=runner)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Deployment)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
server.serve_forever()
