"""The gateway as a program with the `ollama` package uses it: run by DialectClientTests on a dialect fleet, in front of an
engine that speaks Ollama and in front of one that speaks chat completions only."""

import importlib.metadata
import json
import time
import urllib.request

import ollama

from checks import check, expect, key, run
from engine_record import GATEWAY, record

HELLO = [{"role": "user", "content": "Say hello."}]
TEXT = "Hello from the scripted engine."


def client(token="BASIC"):
    return ollama.Client(host=GATEWAY, headers={"Authorization": f"Bearer {key(token)}"}, timeout=60)


def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: its name
    """
    return {"Rome": "sunny", "Oslo": "rainy"}[city]


def expect_end(answer):
    expect(answer.done is True and answer.done_reason == "stop", f"no end: {answer}")
    expect(answer.model == "scripted" and answer.created_at, f"the model: {answer}")
    expect(answer.eval_count > 0 and answer.prompt_eval_count > 0, f"no counts: {answer}")
    expect(answer.total_duration > 0, f"no duration: {answer}")


@check
def chats():
    answer = client().chat(model="class:big", messages=HELLO, options={"num_predict": 50, "temperature": 0.5, "stop": ["STOP"]})
    expect(answer.message.content == TEXT and answer.message.role == "assistant", f"{answer}")
    expect_end(answer)


@check
def streams():
    parts = list(client().chat(model="class:big", messages=HELLO, stream=True))
    expect(len(parts) > 3 and "".join(part.message.content or "" for part in parts) == TEXT, f"{parts}")
    expect(not any(part.done for part in parts[:-1]), "an end in the middle")
    expect(all(part.message.role == "assistant" for part in parts), "a line without a role")
    expect_end(parts[-1])


@check
def generates():
    answer = client().generate(model="class:big", prompt="Say hello.", system="Be brief.")
    expect(answer.response == TEXT, f"{answer}")
    expect_end(answer)
    parts = list(client().generate(model="class:big", prompt="Say hello.", stream=True))
    expect(len(parts) > 3 and "".join(part.response for part in parts) == TEXT, f"{parts}")
    expect_end(parts[-1])


@check
def streams_without_being_asked():
    """Ollama streams unless `stream` is false, and takes JSON of any content type: as in its examples with curl."""
    for path, fields in (("chat", {"messages": HELLO}), ("generate", {"prompt": "Say hello."})):
        request = urllib.request.Request(f"{GATEWAY}/api/{path}", json.dumps({"model": "class:big", **fields}).encode(),
                                         {"Authorization": f"Bearer {key('BASIC')}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            expect(response.headers["Content-Type"].startswith("application/x-ndjson"), f"{response.headers}")
            lines = [json.loads(line) for line in response.read().splitlines()]
        expect(len(lines) > 3 and lines[-1]["done"] is True, f"{lines}")


@check
def calls_tools():
    messages = [{"role": "user", "content": "What is the weather in Rome and Oslo?"}]
    for stream in (False, True):
        answer = client().chat(model="class:big", messages=messages, tools=[get_weather], stream=stream)
        parts = list(answer) if stream else [answer]
        calls = [call for part in parts for call in part.message.tool_calls or []]
        expect([(call.function.name, dict(call.function.arguments)) for call in calls]
               == [("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Oslo"})], f"{calls}")
        said = {"role": "assistant", "content": "I look.", "tool_calls": calls}
        results = [{"role": "tool", "tool_name": call.function.name, "content": get_weather(**call.function.arguments)}
                   for call in calls]
        final = client().chat(model="class:big", messages=[*messages, said, *results], tools=[get_weather])
        expect(final.message.content == "It is sunny and rainy.", f"{final}")


@check
def thinks():
    ask = [{"role": "user", "content": "Think about it."}]
    answer = client().chat(model="class:big", messages=ask, think=True)
    expect(answer.message.thinking == "Let me see, that is easy." and answer.message.content == "Forty-two.", f"{answer}")
    parts = list(client().chat(model="class:big", messages=ask, think=True, stream=True))
    expect("".join(part.message.thinking or "" for part in parts) == "Let me see, that is easy.", f"{parts}")
    answer = client().generate(model="class:big", prompt="Think about it.", think=True)
    expect(answer.thinking and answer.response == "Forty-two.", f"{answer}")


@check
def takes_formats_pictures_and_keep_alive():
    schema = {"type": "object", "properties": {"word": {"type": "string"}}}
    for form in ("json", schema):
        client().chat(model="class:big", messages=HELLO, format=form, keep_alive="5m")
    picture = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
    client().chat(model="class:big", messages=[{"role": "user", "content": "What is this?", "images": [picture]}])
    client().generate(model="class:big", prompt="What is this?", images=[picture])


@check
def lists_models():
    basic = {model.model for model in client().list().models}
    expect({"class:big", "class:fast"} <= basic and "scripted" not in basic, f"a caller of classes sees {basic}")
    specific = client("SPECIFIC").list().models
    expect("scripted" in {model.model for model in specific}, f"a caller of models sees {specific}")
    expect(all(model.modified_at and model.digest is not None and model.size is not None for model in specific), f"{specific}")
    running = {model.model for model in client("SPECIFIC").ps().models}
    expect(running <= {model.model for model in specific}, f"{running}")


@check
def shows_a_model():
    shown = client("SPECIFIC").show("scripted")
    expect("completion" in shown.capabilities and shown.modelinfo is not None, f"{shown}")


@check
def has_a_version():
    for method in ("GET", "HEAD"):
        request = urllib.request.Request(f"{GATEWAY}/", method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            expect(response.status == 200, f"{method} /: {response.status}")
    request = urllib.request.Request(f"{GATEWAY}/api/version", headers={"Authorization": f"Bearer {key('BASIC')}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        expect(json.load(response)["version"], "no version")


@check
def raises_typed_errors():
    for status, call in (
        (401, lambda: client("no-such-token").chat(model="class:big", messages=HELLO)),
        (401, lambda: client("no-such-token").list()),
        (403, lambda: client().chat(model="scripted", messages=HELLO)),
        (403, lambda: list(client().generate(model="scripted", prompt="Hello", stream=True))),
        (404, lambda: client().chat(model="class:no-such-class", messages=HELLO)),
        (404, lambda: client("SPECIFIC").show("no-such-model")),
        (501, lambda: client().pull("scripted")),
        (501, lambda: client().delete("scripted")),
    ):
        try:
            call()
        except ollama.ResponseError as error:
            expect(error.status_code == status, f"status {error.status_code} instead of {status}: {error}")
            expect(error.error and not error.error.startswith("{"), f"no text: {error.error}")
        else:
            raise AssertionError(f"no error {status} was raised")


@check
def a_broken_stream_raises():
    parts = []
    try:
        for part in client().chat(model="class:big", messages=[{"role": "user", "content": "Break off"}], stream=True):
            parts.append(part)
    except ollama.ResponseError as error:
        expect(error.error, f"no text: {error!r}")
        expect(parts and not any(part.done for part in parts), f"{parts}")
    else:
        raise AssertionError(f"no error was raised: {parts}")


@check
def a_closed_stream_cancels_the_engine():
    stream = client().chat(model="class:big", messages=[{"role": "user", "content": "Count slowly"}], stream=True)
    for part in stream:
        if part.message.content:
            break
    stream.close()
    deadline = time.monotonic() + 10
    while not any(request.get("cancelled") for request in record()["requests"]):
        expect(time.monotonic() < deadline, "the engine was still generating after 10 s")
        time.sleep(0.05)


run(f"ollama {importlib.metadata.version('ollama')}")
