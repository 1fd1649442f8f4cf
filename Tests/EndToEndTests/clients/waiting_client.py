"""Streams of every API that wait for a machine: signs of life arrive, in the API's own form, and the response follows. Run by
DialectClientTests on a dialect fleet whose machine boots."""

import concurrent.futures
import json
import time
import urllib.request

from checks import check, expect, key, run
from engine_record import BOOT, GATEWAY, expect_each_once, expect_one_wake, record

HELLO = [{"role": "user", "content": "Say hello."}]
CALLS = {
    "/v1/messages": {"max_tokens": 50, "messages": HELLO},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Say hello to all."}]},
    "/v1/responses": {"input": "Say hello to the world."},
    "/api/chat": {"messages": [{"role": "user", "content": "Say hello again."}]},
    "/api/generate": {"prompt": "Say hello, please."},
}
MAX_SILENCE = 12  # Claude Code shows a warning after 20 s


def lines(path):
    """The lines of the stream, each with the seconds since the one before."""
    body = json.dumps({"model": "class:big", "stream": True, **CALLS[path]}).encode()
    request = urllib.request.Request(f"{GATEWAY}{path}", body, {
        "Authorization": f"Bearer {key('BASIC')}", "Content-Type": "application/json", "anthropic-version": "2023-06-01"})
    last, found = time.monotonic(), []
    with urllib.request.urlopen(request, timeout=120) as response:
        for line in response:
            if line.strip():
                found.append((time.monotonic() - last, line.decode().rstrip("\r\n")))
                last = time.monotonic()
    return found


with concurrent.futures.ThreadPoolExecutor(len(CALLS)) as pool:
    STREAMS = dict(zip(CALLS, pool.map(lines, CALLS)))


@check
def no_stream_is_silent_for_long():
    for path, stream in STREAMS.items():
        silence = max(pause for pause, _ in stream)
        expect(silence < MAX_SILENCE, f"{path}: {silence:.0f} s of silence: {stream[:4]}")


@check
def messages_send_pings():
    stream = [line for _, line in STREAMS["/v1/messages"]]
    expect(stream[:2] == ["event: ping", 'data: {"type":"ping"}'] or stream[:2] == ["event: ping", 'data: {"type": "ping"}'],
           f"{stream[:4]}")
    events = [line[7:] for line in stream if line.startswith("event: ")]
    expect(events.count("message_start") == 1 and events[-1] == "message_stop", f"{events}")
    expect(events.count("ping") >= BOOT // 10, f"{events}")


@check
def openai_streams_send_comments():
    for path in ("/v1/chat/completions", "/v1/responses"):
        stream = [line for _, line in STREAMS[path]]
        expect(stream[0].startswith(":"), f"{path}: {stream[:3]}")


@check
def ollama_streams_send_empty_pieces():
    for path in ("/api/chat", "/api/generate"):
        documents = [json.loads(line) for _, line in STREAMS[path]]
        first = documents[0]
        text = first["message"]["content"] if path == "/api/chat" else first["response"]
        expect(text == "" and first["done"] is False and first["created_at"] and first["model"], f"{path}: {first}")
        expect(path != "/api/chat" or first["message"]["role"] == "assistant", f"{first}")
        whole = "".join((document["message"]["content"] if path == "/api/chat" else document["response"])
                        for document in documents)
        expect(whole == "Hello from the scripted engine." and documents[-1]["done"] is True, f"{path}: {documents[-1]}")


@check
def the_engine_saw_each_request_once():
    requests = record()["requests"]
    expect_each_once([request for request in requests if request["status"] == 200], len(CALLS))
    return expect_one_wake()


run("Streams that wait")
