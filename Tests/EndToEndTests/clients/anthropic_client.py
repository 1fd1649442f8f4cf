"""The gateway as a program with the `anthropic` package uses it: run by DialectClientTests on a dialect fleet, in front of an
engine that speaks Messages and in front of one that speaks chat completions only."""

import contextlib
import os
import time

import anthropic

from checks import check, expect, key, run
from engine_record import GATEWAY, record

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = [{"role": "user", "content": "What is the weather in Rome and Oslo?"}]
TOOL = {"name": "get_weather", "description": "The weather in a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
PICTURE = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def client(token="BASIC", as_key=False, **options):
    credentials = {"api_key": key(token)} if as_key else {"auth_token": key(token), "api_key": None}
    return anthropic.Anthropic(base_url=GATEWAY, **credentials, max_retries=0, timeout=60,
                               _strict_response_validation=True, **options)


def create(token="BASIC", **fields):
    return client(token).messages.create(**{"model": "class:big", "max_tokens": 100, "messages": HELLO, **fields})


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@contextlib.contextmanager
def expect_error(kind, status, name):
    try:
        yield
    except anthropic.APIStatusError as error:
        expect(isinstance(error, kind), f"{type(error).__name__} instead of {kind.__name__}: {error}")
        expect(error.status_code == status, f"status {error.status_code} instead of {status}")
        body = error.body
        expect(body["type"] == "error" and body["error"]["type"] == name and body["error"]["message"],
               f"the error object: {body}")
        expect(body.get("request_id") and body["request_id"] == error.response.headers["x-request-id"],
               f"no request id: {body}, {error.response.headers}")
    else:
        raise AssertionError(f"no {kind.__name__} was raised")


@check
def chats():
    for message in (create(), client(as_key=True).messages.create(model="class:big", max_tokens=100, messages=HELLO)):
        expect(text_of(message) == "Hello from the scripted engine.", f"the text: {message}")
        expect(message.type == "message" and message.role == "assistant" and message.stop_reason == "end_turn", f"{message}")
        expect(message.model == "scripted", f"the model: {message.model}")
        expect(message.usage.input_tokens > 0 and message.usage.output_tokens > 0, f"the usage: {message.usage}")


@check
def ids_are_unique():
    ids = {create().id for _ in range(3)}
    expect(len(ids) == 3 and all(id.startswith("msg_") for id in ids), f"the ids: {ids}")


@check
def takes_all_forms_of_content():
    create(system="Be brief.")
    create(system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
           messages=[{"role": "user", "content": [{"type": "text", "text": "Say hello."}]},
                     {"role": "assistant", "content": "Hel"},
                     {"role": "user", "content": "Go on."}],
           stop_sequences=["STOP"], metadata={"user_id": "user-1"}, extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 4})
    create(messages=[{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
        {"type": "text", "text": "What is this?"}]}])


@check
def streams():
    kinds, text = [], ""
    for event in client().messages.create(model="class:big", max_tokens=100, messages=HELLO, stream=True):
        if event.type not in kinds:
            kinds.append(event.type)
        if event.type == "content_block_delta":
            text += event.delta.text
    expect([kind for kind in kinds if kind != "ping"] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"],
        f"the events: {kinds}")
    expect(text == "Hello from the scripted engine.", f"the text: {text}")


@check
def streams_through_the_helper():
    with client().messages.stream(model="class:big", max_tokens=100, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    expect(len(pieces) > 2, f"{len(pieces)} pieces are no stream")
    expect(text_of(message) == "".join(pieces) == "Hello from the scripted engine.", f"{message}")
    expect(message.stop_reason == "end_turn" and message.model == "scripted", f"{message}")
    expect(message.usage.input_tokens > 0 and message.usage.output_tokens > 0, f"the usage: {message.usage}")


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


def check_tools(message, send):
    calls = calls_of(message)
    expect(message.stop_reason == "tool_use", f"the stop reason: {message}")
    expect(text_of(message) == "I look." and message.content[0].type == "text", f"{message.content}")
    expect([(call.name, call.input) for call in calls] == [("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Oslo"})],
           f"the calls: {calls}")
    expect(calls[0].id and calls[1].id and calls[0].id != calls[1].id, f"the ids: {calls}")
    results = [{"type": "tool_result", "tool_use_id": calls[0].id, "content": "sunny"},
               {"type": "tool_result", "tool_use_id": calls[1].id, "content": [{"type": "text", "text": "rainy"}]}]
    answer = send([*WEATHER, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}])
    expect(text_of(answer) == "It is sunny and rainy." and answer.stop_reason == "end_turn", f"{answer}")


@check
def calls_tools():
    for choice in ({"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "get_weather"}):
        check_tools(create(messages=WEATHER, tools=[TOOL], tool_choice=choice),
                    lambda messages: create(messages=messages, tools=[TOOL]))


@check
def calls_tools_in_streams():
    def send(messages):
        with client().messages.stream(model="class:big", max_tokens=100, messages=messages, tools=[TOOL]) as stream:
            return stream.get_final_message()

    check_tools(send(WEATHER), send)


@check
def thinks():
    ask = [{"role": "user", "content": "Think about it."}]
    with client().messages.stream(model="class:big", max_tokens=4000, messages=ask,
                                  thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        streamed = stream.get_final_message()
    for message in (create(messages=ask, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024}), streamed):
        kinds = [block.type for block in message.content]
        expect(kinds == ["thinking", "text"], f"the blocks: {kinds}")
        expect(message.content[0].thinking == "Let me see, that is easy." and text_of(message) == "Forty-two.", f"{message}")
        # What the client sends back in the next turn is understood.
        create(messages=[*ask, {"role": "assistant", "content": message.content}, *HELLO])


@check
def counts_tokens():
    count = client().messages.count_tokens(model="class:big", messages=HELLO, system="Be brief.", tools=[TOOL])
    expect(count.input_tokens > 5, f"{count}")
    longer = client().messages.count_tokens(model="class:big", messages=[{"role": "user", "content": "word " * 400}])
    expect(longer.input_tokens > count.input_tokens, f"{longer} is not more than {count}")


@check
def lists_models():
    models = list(client("SPECIFIC").models.list(limit=1000))
    expect("scripted" in {model.id for model in models}, f"{models}")
    expect(all(model.type == "model" and model.display_name for model in models), f"{models}")
    expect(client("SPECIFIC").models.retrieve("scripted").id == "scripted", "the single model is another one")


@check
def raises_typed_errors():
    with expect_error(anthropic.AuthenticationError, 401, "authentication_error"):
        create("no-such-token")
    with expect_error(anthropic.AuthenticationError, 401, "authentication_error"):
        client("no-such-token").models.list()
    for stream in (False, True):
        with expect_error(anthropic.PermissionDeniedError, 403, "permission_error"):
            create(model="scripted", stream=stream)
    with expect_error(anthropic.NotFoundError, 404, "not_found_error"):
        create(model="class:no-such-class")
    with expect_error(anthropic.BadRequestError, 400, "invalid_request_error"):
        create(messages="no list")
    with expect_error(anthropic.BadRequestError, 400, "invalid_request_error"):
        create(max_tokens="many")


@check
def an_engines_refusal_starts_compaction():
    for stream in (False, True):
        try:
            create(messages=[{"role": "user", "content": "A prompt that is too long"}], stream=stream)
        except anthropic.BadRequestError as error:
            message = error.body["error"]["message"]
            expect("prompt is too long" in message.lower(), f"Claude Code does not compact: {message}")
            expect("999999" in message, f"the engine's words are missing: {message}")
        else:
            raise AssertionError("no error was raised")


@check
def a_broken_stream_raises():
    events = []
    try:
        for event in client().messages.create(model="class:big", max_tokens=100, stream=True,
                                              messages=[{"role": "user", "content": "Break off"}]):
            events.append(event.type)
    except anthropic.APIError as error:
        expect(error.body["error"]["type"] == "api_error", f"{error.body}")
        expect("content_block_delta" in events and "message_stop" not in events, f"{events}")
    else:
        raise AssertionError(f"no error was raised: {events}")


@check
def a_closed_stream_cancels_the_engine():
    with client().messages.create(model="class:big", max_tokens=100, stream=True,
                                  messages=[{"role": "user", "content": "Count slowly"}]) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    deadline = time.monotonic() + 10
    while not any(request.get("cancelled") for request in record()["requests"]):
        expect(time.monotonic() < deadline, "the engine was still generating after 10 s")
        time.sleep(0.05)


@check
def the_engine_saw_what_the_fleet_has():
    paths = {request["path"] for request in record()["requests"] if request["status"] == 200}
    wanted = os.environ.get("EXPECTED_PATH")
    expect(not wanted or wanted in paths, f"the engine's paths: {paths}")
    foreign = {name for request in record()["requests"] for name in request["headers"]} & {
        "authorization", "x-api-key", "api-key", "cookie"}
    expect(not foreign, f"the engine saw {foreign}")
    return ", ".join(sorted(paths))


if __name__ == "__main__":
    run(f"anthropic {anthropic.__version__}")
