#!/usr/bin/env python3
"""An OpenAI-compatible engine that counts: `engine.py MODEL`. Prints one line of JSON when it listens.

A streamed chat gets one token every `--pace` seconds, `max_tokens` of them (20)."""

import argparse
import http.server
import json
import time

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--pace", type=float, default=0.05)
options = parser.parse_args()


class Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.document({"object": "list", "data": [{"id": options.model, "object": "model"}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["model"] != options.model:
            return self.document({"error": {"message": "unknown model"}}, 404)
        count = request.get("max_tokens", 20)
        if not request.get("stream"):
            return self.document({"id": "c", "object": "chat.completion", "model": options.model, "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "counted"}, "finish_reason": "stop"}]})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            self.event({"choices": [{"index": 0, "delta": {"content": f"t{number} "}, "finish_reason": None}]})
            time.sleep(options.pace)
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, content):
        self.chunk(f"data: {json.dumps({'id': 'c', 'model': options.model, **content})}\n\n".encode())

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def document(self, content, status=200):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Engine)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
