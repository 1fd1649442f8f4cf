"""An engine that follows a script instead of a model, as strict as an engine can be: run by dialect_fleet.py.

It reads the state of the conversation from the request, and does what the end of the last message asks for:

    Edit the file PATH: replace OLD with NEW    one tool call after the other until the file is edited, then "Done."
    … weather in CITY and CITY …                two tool calls in one turn, then their results as text
    Think …                                     reasoning, then text
    Count slowly                                a stream without an end
    Break off                                   a stream that ends in the middle
    A prompt that is too long                   400 with an engine's words
    anything else                               "Hello from the scripted engine."

`--serves chat responses messages ollama` are the APIs that it has; other paths are 404. A request that an engine of this API
would not understand is refused with 400, and `GET /record` (see loopback_http) shows every request.
"""

import asyncio
import hashlib
import json
import re

import engine_chat
import engine_messages
import engine_ollama
import engine_responses
from engine_script import Refused, Text, Thought, ToolCall
from loopback_http import BrokenStream, Response, run

APIS = {"/v1/chat/completions": engine_chat, "/v1/responses": engine_responses, "/v1/messages": engine_messages,
        "/api/chat": engine_ollama, "/api/generate": engine_ollama}
EDIT = re.compile(r"Edit the file (\S+): replace (\S+) with (\S+?)(?=[\s.\"'<]|$)")
WEATHER = re.compile(r"weather in (\w+) and (\w+)")
MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "tests", "max_model_len": 200000}]}

OLLAMA_MODEL = {"name": "scripted", "model": "scripted", "modified_at": "2026-11-01T00:00:00Z", "size": 1000, "digest": "0" * 64,
                "details": {"format": "gguf", "family": "llama", "parameter_size": "1B", "quantization_level": "Q4_0"}}
OLLAMA_LISTS = {
    "/api/tags": {"models": [OLLAMA_MODEL]}, "/api/version": {"version": "0.12.0"},
    "/api/ps": {"models": [{**OLLAMA_MODEL, "expires_at": "2099-01-01T00:00:00Z", "size_vram": 1000}]},
    "/api/show": {"capabilities": ["completion", "tools", "thinking"], "details": OLLAMA_MODEL["details"],
                  "model_info": {"general.architecture": "llama", "llama.context_length": 200000}},
}


def next_turn(conversation):
    """What the model says now: a list of Thought, Text and ToolCall."""
    said = conversation.prompt
    if edit := EDIT.search(said):
        return edit_file(conversation, *edit.groups())
    if cities := WEATHER.search(said):
        if conversation.results:
            return [Text("It is " + " and ".join(conversation.results) + ".")]
        return [Text("I look."), *(ToolCall(next(iter(conversation.tools)), {"city": city}) for city in cities.groups())]
    if said.startswith("Think"):
        return [Thought("Let me see, that is easy."), Text("Forty-two.")]
    if "too long" in said:
        raise Refused("request (999999 tokens) exceeds the available context size (4096 tokens), try increasing it",
                      "exceed_context_size_error")
    return [Text("Hello from the scripted engine.")]


def edit_file(conversation, path, old, new):
    """With the tools that the client offers: those of Claude Code, of Codex, or a shell."""
    tools, done = conversation.tools, len(conversation.results)
    if {"Read", "Edit"} <= tools.keys():
        steps = [ToolCall("Read", {"file_path": path}),
                 ToolCall("Edit", {"file_path": path, "old_string": old, "new_string": new})]
    else:
        command = f"sed -i s/{old}/{new}/ {path}"
        if "exec_command" in tools:
            steps = [ToolCall("exec_command", {"cmd": command})]
        elif "shell_command" in tools:
            steps = [ToolCall("shell_command", {"command": command})]
        elif "shell" in tools:
            steps = [ToolCall("shell", {"command": ["bash", "-lc", command]})]
        else:
            return [Text("There is no tool that edits files.")]
    if done < len(steps):
        return [Text("I edit the file."), steps[done]]
    return [Text("Done.")]


async def paced(events, pause):
    for event in events:
        await asyncio.sleep(pause)
        yield event


async def endless(writer, entry):
    try:
        for event in writer.start():
            yield event
        number = 0
        while True:
            number += 1
            for event in writer.text(f"{number} "):
                yield event
            await asyncio.sleep(0.02)
    finally:
        entry["cancelled"] = True


async def broken(events):
    for event in events[: len(events) // 2]:
        yield event
    raise BrokenStream


async def handle(options, request, record):
    if "ollama" in options.serves and request.path in OLLAMA_LISTS:
        return Response(OLLAMA_LISTS[request.path])
    if request.method in ("GET", "HEAD"):
        return Response(MODELS if request.path == "/v1/models" else {"status": "ok"},
                        200 if request.path in ("/v1/models", "/health") else 404)
    raw = await request.body()
    entry = {"path": request.path, "headers": request.headers, "status": 200, "bytes": len(raw)}
    record.append(entry)
    api = APIS.get(request.path)
    if api is None or api.NAME not in options.serves:
        if request.path == "/v1/messages/count_tokens" and "messages" in options.serves:
            return Response({"input_tokens": len(raw) // 4})
        entry["status"] = 404
        return Response({"error": {"message": f"Not Found: {request.path}", "type": "not_found_error", "code": 404}}, 404)
    try:
        body = json.loads(raw)
        if options.keep_bodies:
            entry["body"] = body
        conversation = api.read(body)
        entry.update(model=body.get("model"), stream=bool(body.get("stream")), prompt=conversation.prompt[-200:],
                     results=len(conversation.results), logical=digest(conversation))
        if body.get("model") != "scripted":
            raise Refused(f"model {body.get('model')!r} does not exist")
        return respond(api, body, conversation, entry)
    except Refused as problem:
        entry.update(status=400, refused=str(problem))
        return Response(api.error(str(problem), problem.kind), 400)


def respond(api, body, conversation, entry):
    writer = api.Writer(body)
    streams = api.streams(body) if api is engine_ollama else bool(body.get("stream"))
    media_type = api.MEDIA_TYPE if api is engine_ollama else "text/event-stream"
    if streams and "Count slowly" in conversation.prompt:
        return Response(endless(writer, entry), media_type=media_type)
    turn = next_turn(conversation)
    if not streams:
        return Response(writer.document(turn))
    events = list(writer.events(turn))
    if "Break off" in conversation.prompt:
        return Response(broken(events), media_type=media_type)
    return Response(paced(events, 0.005), media_type=media_type)


def digest(conversation):
    """Identifies a logical request: its messages and the results of its tools, without ids that change on a retry."""
    words = json.dumps([conversation.everything, sorted(conversation.tools)], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


if __name__ == "__main__":
    run(handle,
        ("--serves", {"nargs": "+", "default": ["chat", "responses", "messages"],
                      "choices": ["chat", "responses", "messages", "ollama"]}),
        ("--keep-bodies", {"action": "store_true", "help": "show the whole requests in the record"}))
