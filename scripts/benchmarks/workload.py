"""Requests and responses: a chat of about 1 KB or 200 KB, a response of about 500 bytes, events of about 200."""

import json

MODEL = "bench:1b"
CLASS = "class:fast"
REQUEST = json.dumps({"model": CLASS, "messages": [{"role": "user", "content": "word " * 190}]})
# A long document with a question, as agents send them: line breaks are escapes in JSON.
PROMPT_REQUEST = json.dumps({"model": CLASS, "messages": [
    {"role": "system", "content": "Answer from the document."},
    {"role": "user", "content": "one line of a document, with \"quoted\" words in it\n" * 3700}]})
STREAM_REQUEST = json.dumps({"model": CLASS, "stream": True,
                             "messages": [{"role": "user", "content": "word " * 190}]})
# The same in Anthropic's form, for a gateway that translates it for the upstream.
MESSAGES_REQUEST = json.dumps({"model": CLASS, "stream": True, "max_tokens": 1000,
                               "messages": [{"role": "user", "content": "word " * 190}]})
ANSWER = json.dumps({
    "id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": MODEL,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 50}}],
    "usage": {"prompt_tokens": 190, "completion_tokens": 50, "total_tokens": 240}})
MODELS = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "bench"}]})
DONE = b"data: [DONE]\n\n"


def event(finish_reason=None):
    """One event of a stream, as engines send them."""
    delta = {"content": "word "} if finish_reason is None else {}
    chunk = {"id": "chatcmpl-bench-0123456789abcdef", "object": "chat.completion.chunk", "created": 1760000000,
             "model": MODEL, "system_fingerprint": "fp_bench",
             "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}
    return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode()


def chunked(data):
    """The bytes in chunked transfer coding (RFC 9112 §7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)
