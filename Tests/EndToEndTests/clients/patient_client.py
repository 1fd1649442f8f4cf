"""A program with the `openai` package and its default settings that waits for a machine to boot, through nginx.

    patient_client.py GATEWAY-URL TOKEN MODEL

Starts an nginx in front of the gateway with its default timeouts and buffers, streams one chat through it, and prints
one line of JSON: `seconds` until the first token, `text`, `finish`, and `comments`: the number of comment lines of a
second stream, read as bytes, that arrived through nginx at least a second before its first event.
"""

import contextlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import openai

# No timeouts and buffers are set here: the test needs nginx's defaults.
NGINX = """\
daemon off; {user} worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {gateway}; }} }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nginx(gateway):
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        file = folder / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, port=port, gateway=gateway, user=user))
        with subprocess.Popen(["nginx", "-e", folder / "error.log", "-c", file]) as process:
            try:
                await_listening(port, process, folder / "error.log")
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def await_listening(port, process, log):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"nginx ended: {log.read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit("nginx does not listen")


def count_comments(url, token, model, result):
    """Counts the comments that a client without an SSE parser receives early: nginx must not hold them back."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]})
    connection.request("POST", "/v1/chat/completions", body,
                       {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    answer, times = connection.getresponse(), []
    for line in answer:
        if line.startswith(b": waiting"):
            times.append(time.monotonic())
        elif line.startswith(b"data: "):
            first = time.monotonic()
            result["comments"] = sum(1 for at in times if first - at >= 1)
            break
    connection.close()


def main():
    gateway, token, model = sys.argv[1:]
    with nginx(gateway) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=token)
        result = {}
        reader = threading.Thread(target=count_comments, args=(url, token, model, result))
        reader.start()
        began = time.monotonic()
        text, seconds = "", None
        messages = [{"role": "user", "content": "Good morning"}]
        for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                seconds = seconds or time.monotonic() - began
                text += chunk.choices[0].delta.content
            ended = chunk.choices and chunk.choices[0].finish_reason
        reader.join()
        print(json.dumps(result | {"seconds": seconds, "text": text, "finish": ended}))


main()
