"""Checks the pairs in Tests/DialectsTests/Anthropic/Pairs against the models of the `anthropic` and `openai` packages.

The Swift tests check that the translation of each pair is exactly what the pair states; this script checks that what the
pairs state is what the clients' own models accept, strictly: unknown members and wrong types are problems. It also reads
every stream with the accumulator of the `anthropic` package.
"""

import json
import pathlib
import sys
import warnings

import pydantic
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "DialectsTests/Anthropic/Pairs"

# Members that engines understand beside OpenAI's own.
EXTENSIONS = {"top_k", "reasoning_content"}
# Requests that the package's types do not allow; the translation accepts them.
LENIENT_REQUESTS = {"nulls", "unknown fields", "Claude Code", "empty system turn in the conversation"}

problems = []


def problem(kind, name, what):
    problems.append(f"{kind} · {name}: {str(what)[:600]}")


def adapter(type_):
    return pydantic.TypeAdapter(type_)


def without(value, names):
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    if isinstance(value, list):
        return [without(item, names) for item in value]
    return value


def is_kept(stated, model):
    """Whether every member of `stated` is a declared field that the model kept: nothing landed in extras."""
    if isinstance(model, pydantic.BaseModel):
        extra = set(model.model_extra or {})
        if extra & set(stated):
            return f"undeclared members {sorted(extra & set(stated))}"
        for key, item in stated.items():
            found = is_kept(item, getattr(model, key, None))
            if found:
                return f"{key}: {found}"
    elif isinstance(model, list) and isinstance(stated, list):
        for index, (left, right) in enumerate(zip(stated, model)):
            found = is_kept(left, right)
            if found:
                return f"{index}: {found}"
    return None


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def drained(value):
    """TypedDict fields that are iterables are validated lazily; reading them all raises the errors."""
    if isinstance(value, dict):
        return {key: drained(item) for key, item in value.items()}
    if isinstance(value, (str, bytes, int, float, bool)) or value is None:
        return value
    return [drained(item) for item in value]


def check_requests():
    plain, streaming = adapter(MessageCreateParamsNonStreaming), adapter(MessageCreateParamsStreaming)
    chat, chat_streaming = adapter(CompletionCreateParamsNonStreaming), adapter(CompletionCreateParamsStreaming)
    pairs = load("requests")
    for pair in pairs:
        streams = pair["request"].get("stream")
        if pair["name"] not in LENIENT_REQUESTS:
            try:
                drained((streaming if streams else plain).validate_python(pair["request"]))
            except pydantic.ValidationError as error:
                problem("request", pair["name"], error)
        try:
            body = without(pair["chat"], EXTENSIONS)
            drained((chat_streaming if streams else chat).validate_python(body))
        except pydantic.ValidationError as error:
            problem("chat request", pair["name"], error)
        check_calls(pair)
    return len(pairs)


def check_calls(pair):
    """Each result follows the message with its call; arguments are the JSON of the input."""
    open_calls = set()
    for message in pair["chat"]["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                problem("chat request", pair["name"], f"a result without a call: {message}")
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            problem("chat request", pair["name"], f"a {message['role']} message before the results of {open_calls}")
        open_calls = {call["id"] for call in message.get("tool_calls", [])}
        for call in message.get("tool_calls", []):
            json.loads(call["function"]["arguments"])


def check_message(kind, name, document):
    try:
        message = Message.model_validate(document)
    except pydantic.ValidationError as error:
        return problem(kind, name, error)
    found = is_kept(document, message)
    if found:
        problem(kind, name, found)


def check_responses():
    pairs = load("responses")
    for pair in pairs:
        try:
            ChatCompletion.model_validate(pair["completion"])
        except pydantic.ValidationError as error:
            # Engines deviate on purpose in these pairs; the clients' side must not.
            if "from_engines" not in pair["name"] and pair["name"] not in DEVIATIONS:
                problem("completion", pair["name"], error)
        check_message("message", pair["name"], pair["message"])
    return len(pairs)


# Completions and chunks that differ from OpenAI's models, as engines send them.
DEVIATIONS = {
    "arguments as an object", "arguments null", "tool calls without ids", "tool call without a name",
    "content of parts", "calls without a number", "calls without a number or an id", "pieces without a number",
    "finish_reason as the string null",
}


def check_streams():
    event_type = adapter(RawMessageStreamEvent)
    pairs = load("streams")
    for pair in pairs:
        for chunk in pair["chunks"]:
            try:
                ChatCompletionChunk.model_validate(chunk)
            except pydantic.ValidationError as error:
                if pair["name"] not in DEVIATIONS:
                    problem("chunk", pair["name"], error)
        snapshot, buffers = None, {}
        for document in pair["events"]:
            try:
                event = event_type.validate_python(document)
                found = is_kept(document, event)
                if found:
                    problem("event", pair["name"], found)
                snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
            except (pydantic.ValidationError, ValueError) as error:
                if pair["name"] != "malformed arguments, then a call":
                    problem("event", pair["name"], f"{document}: {error}")
        if snapshot is None or snapshot.stop_reason is None:
            problem("stream", pair["name"], "it does not end")
        else:
            check_accumulated(pair, snapshot)
    return len(pairs)


def check_accumulated(pair, snapshot):
    """The message that the package reads has the text of all chunks, and their reasoning if it was asked for."""
    def joined(*keys):
        text = ""
        for chunk in pair["chunks"]:
            for choice in chunk["choices"]:
                if choice["index"] == 0:
                    values = [choice["delta"].get(key) for key in keys]
                    text += next((value for value in values if isinstance(value, str) and value), "")
        return text

    text = "".join(block.text for block in snapshot.content if block.type == "text")
    if pair["name"] != "content of parts" and text != joined("content", "refusal"):
        problem("stream", pair["name"], f"the client reads {text!r}")
    thinking = "".join(block.thinking for block in snapshot.content if block.type == "thinking")
    if thinking != (joined("reasoning_content", "reasoning") if pair["thinking"] else ""):
        problem("stream", pair["name"], f"the client reads the reasoning {thinking!r}")


counts = [check_requests(), check_responses(), check_streams()]
for line in problems:
    print(line)
print(f"{sum(counts)} pairs, {len(problems)} problems")
sys.exit(1 if problems or sum(counts) < 150 else 0)
