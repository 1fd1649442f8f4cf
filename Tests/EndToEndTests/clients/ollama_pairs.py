"""Checks the pairs of Tests/DialectsTests/Ollama/pairs.json against the models of the packages `ollama` and `openai`, and
lets the real `ollama` client read every response and stream.

Swift tests check that the translation produces the pairs; this script checks that both sides of them are what clients and
engines understand. Exits with 1 if a pair is refused.
"""

import http.server
import json
import pathlib
import sys
import threading
from datetime import datetime

import ollama
from openai.types import Completion, CreateEmbeddingResponse, completion_create_params, embedding_create_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk, completion_create_params as chat_params
from pydantic import TypeAdapter

PAIRS = pathlib.Path(__file__).resolve().parents[2] / "DialectsTests/Ollama/pairs.json"
REQUESTS = {
    "/api/chat": ollama._types.ChatRequest,
    "/api/generate": ollama._types.GenerateRequest,
    "/api/embed": ollama._types.EmbedRequest,
    "/api/embeddings": ollama._types.EmbeddingsRequest,
}
RESPONSES = {
    "/api/chat": ollama.ChatResponse,
    "/api/generate": ollama.GenerateResponse,
    "/api/embed": ollama.EmbedResponse,
    "/api/embeddings": ollama.EmbeddingsResponse,
}
PARAMS = {
    "/v1/chat/completions": (
        TypeAdapter(chat_params.CompletionCreateParamsNonStreaming),
        TypeAdapter(chat_params.CompletionCreateParamsStreaming),
    ),
    "/v1/completions": (
        TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming),
        TypeAdapter(completion_create_params.CompletionCreateParamsStreaming),
    ),
    "/v1/embeddings": (TypeAdapter(embedding_create_params.EmbeddingCreateParams),) * 2,
}
# Members that engines know and the `openai` package does not.
EXTENSIONS = {
    "top_k", "min_p", "repetition_penalty", "repeat_penalty", "chat_template_kwargs", "reasoning_content",
}


def consume(value):
    """Validates lists that pydantic reads lazily."""
    if isinstance(value, dict):
        for item in value.values():
            consume(item)
    elif not isinstance(value, (str, bytes, int, float, type(None))):
        for item in value:
            consume(item)


def check_request(pair):
    body = dict(pair["body"])
    if "images" in body:
        body["images"] = [ollama.Image(value=image) for image in body["images"]]
    REQUESTS[pair["endpoint"]](**body)
    expect = pair["expect"]
    adapter = PARAMS[pair["to"]][bool(expect.get("stream"))]
    known = set(adapter.core_schema.get("schema", adapter.core_schema).get("fields", expect))
    unknown = set(expect) - known - EXTENSIONS
    assert not unknown, f"members that engines do not know: {unknown}"
    consume(adapter.validate_python(expect))


def check_response(pair):
    if not pair.get("lenient"):
        kind = Completion if pair["completion"]["object"] == "text_completion" else ChatCompletion
        kind.model_validate(pair["completion"])
    strict(RESPONSES[pair["endpoint"]], pair["expect"])


def strict(model, document):
    """Validates a document; a time must be one for `datetime.fromisoformat`, with which Open WebUI reads it."""
    result = model.model_validate(document)
    for name in ("created_at", "modified_at", "expires_at"):
        if name in document:
            datetime.fromisoformat(document[name]).timestamp()
    for item in document.get("models", []):
        for name in ("modified_at", "expires_at"):
            if name in item:
                datetime.fromisoformat(item[name]).timestamp()
    return result


def check_embeddings(pair):
    if pair["expect"] is not None:
        CreateEmbeddingResponse.model_validate(pair["response"])
        strict(RESPONSES[pair["endpoint"]], pair["expect"])


def check_stream(pair):
    for chunk in pair["chunks"]:
        if chunk["object"] == "text_completion":
            # The package has no model of its own for these chunks; in that of the document a reason is required.
            reasons = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in chunk["choices"]]
            Completion.model_validate({**chunk, "choices": reasons})
        else:
            ChatCompletionChunk.model_validate(chunk)
    for line in pair["lines"]:
        strict(RESPONSES[pair["endpoint"]], line)
    assert [line["done"] for line in pair["lines"]] == [False] * (len(pair["lines"]) - 1) + [True]


def check_document(pair):
    if pair["to"] != "error":
        strict(getattr(ollama, pair["to"]), pair["expect"])
        return
    assert ollama.ResponseError(json.dumps(pair["expect"]), 404).error == pair["expect"]["error"]


def check_refused(pair):
    """A body that the `ollama` package can send may be refused only where Ollama refuses it, too: these are malformed."""
    assert "raw" in pair or pair["param"] is None or isinstance(pair["body"], dict)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the bytes that `answer` holds, with a status and a media type."""

    answer = (200, "application/json", b"")

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        status, kind, body = Server.answer
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


def check_client(pair, client, keepalives):
    """The real client reads the response, or the stream with keepalive lines before it."""
    chat = pair.get("endpoint") == "/api/chat"
    if pair["kind"] == "stream":
        lines = [keepalives[chat]] * 2 + pair["lines"]
        text = "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)
        Server.answer = (200, "application/x-ndjson", text.encode())
        call = client.chat(model="m", messages=[], stream=True) if chat else client.generate(model="m", stream=True)
        parts = list(call)
        assert len(parts) == len(lines) and parts[-1].done
    elif pair["kind"] in ("response", "empty") and pair["endpoint"] in ("/api/chat", "/api/generate"):
        Server.answer = (200, "application/json", json.dumps(pair["expect"]).encode())
        part = client.chat(model="m") if chat else client.generate(model="m")
        assert part.done and part.done_reason == pair["expect"]["done_reason"]
    elif pair["kind"] == "document" and pair["to"] == "error":
        for status, stream in ((404, False), (404, True), (200, True)):
            lines = (json.dumps(keepalives[True]) + "\n" if status == 200 else "") + json.dumps(pair["expect"]) + "\n"
            Server.answer = (status, "application/json", lines.encode())
            try:
                list(client.chat(model="m", messages=[], stream=stream))
                raise AssertionError("the client did not notice the error")
            except ollama.ResponseError as error:
                assert error.error == pair["expect"]["error"]


CHECKS = {
    "request": check_request, "response": check_response, "embeddings": check_embeddings, "stream": check_stream,
    "document": check_document, "refused": check_refused,
    "empty": lambda pair: strict(RESPONSES[pair["endpoint"]], pair["expect"]),
    "native": lambda pair: [
        strict(ollama.ChatResponse if "message" in line else ollama.GenerateResponse, line)
        for line in pair["lines"] if "error" not in line
    ],
}


def main():
    pairs = json.loads(PAIRS.read_text())
    keepalives = {p["name"] == "keepalive of chat": p["expect"] for p in pairs if p["name"].startswith("keepalive")}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = ollama.Client(host=f"http://127.0.0.1:{server.server_port}")
    failures = 0
    for pair in pairs:
        try:
            CHECKS[pair["kind"]](pair)
            check_client(pair, client, keepalives)
        except Exception as error:
            failures += 1
            print(f"FAIL {pair['kind']}: {pair['name']}: {error}")
    server.shutdown()
    print(f"{len(pairs) - failures} of {len(pairs)} pairs are valid (ollama, openai)")
    return 1 if failures else 0


sys.exit(main())
