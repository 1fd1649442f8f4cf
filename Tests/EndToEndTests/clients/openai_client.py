"""The gateway as a program with the `openai` package uses it: run by RealClientTests on a real fleet."""

import json
import os
import subprocess
import sys
import time
import urllib.request

import openai

from checks import ALIAS, BASE_URL, MODEL, check, expect, expect_error, key, run

QUESTION = [{"role": "user", "content": "Name three colours."}]
SLOT_FREE_WITHIN_SECONDS = 1.0


def client(token="BASIC", **options):
    return openai.OpenAI(base_url=BASE_URL, api_key=key(token), max_retries=0, timeout=60,
                         _strict_response_validation=True, **options)


@check
def chats():
    answer = client().chat.completions.create(model="class:fast", messages=QUESTION, max_tokens=16)
    expect(answer.choices[0].message.content, f"no content: {answer}")
    expect(answer.model == MODEL, f"the answer's model is {answer.model}, not {MODEL}")
    expect(answer.usage.completion_tokens > 0, f"no usage: {answer.usage}")


@check
def shows_the_public_id_where_an_alias_is_in_play():
    answer = client().chat.completions.create(model="class:big", messages=QUESTION, max_tokens=16)
    expect(answer.model == ALIAS, f"the answer's model is {answer.model}, not {ALIAS}")
    chunks = client().chat.completions.create(model="class:big", messages=QUESTION, max_tokens=16, stream=True)
    models = {chunk.model for chunk in chunks}
    expect(models == {ALIAS}, f"the chunks' models are {models}, not {ALIAS}")


@check
def asks_for_an_exact_model():
    answer = client("SPECIFIC").chat.completions.create(model=ALIAS, messages=QUESTION, max_tokens=16)
    expect(answer.model == ALIAS, f"the answer's model is {answer.model}, not {ALIAS}")


@check
def streams_without_usage():
    chunks = list(client().chat.completions.create(
        model="class:fast", messages=QUESTION, max_tokens=16, stream=True))
    expect(len(chunks) > 2, f"{len(chunks)} chunks are no stream")
    expect(not any(chunk.usage for chunk in chunks), "usage came, though it was not asked for")
    # llama.cpp's timings are part of the usage chunk. The gateway removes only the usage from it, and leaves one empty
    # choice for clients that read the first choice of every chunk.
    if "timings" in (chunks[-1].model_extra or {}):
        last = chunks.pop()
        expect(len(last.choices) == 1 and not last.choices[0].delta.content, f"the chunk with timings has text: {last}")
    expect(all(chunk.choices for chunk in chunks), "a chunk without choices came, though no usage was asked for")
    expect("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "no text came")
    expect(chunks[-1].choices[0].finish_reason, "the last chunk has no finish_reason")


@check
def streams_with_usage():
    chunks = list(client().chat.completions.create(
        model="class:fast", messages=QUESTION, max_tokens=16, stream=True, stream_options={"include_usage": True}))
    expect(chunks[-1].usage and not chunks[-1].choices, f"the last chunk is not the usage: {chunks[-1]}")
    expect(chunks[-1].usage.completion_tokens > 0, f"no tokens were counted: {chunks[-1].usage}")
    expect(not any(chunk.usage for chunk in chunks[:-1]), "usage came before the last chunk")


@check
def lists_models():
    ids = {model.id for model in client().models.list()}
    expect({"class:fast", "class:big"} <= ids, f"a caller of classes does not find them among {sorted(ids)}")
    ids = {model.id for model in client("SPECIFIC").models.list()}
    expect({MODEL, ALIAS} <= ids, f"a caller of exact models does not find them among {sorted(ids)}")
    expect(client("SPECIFIC").models.retrieve(MODEL).id == MODEL, "the single model is another one")


@check
def raises_authentication_error():
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        client("no-such-token").chat.completions.create(model="class:fast", messages=QUESTION)
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        client("no-such-token").models.list()


@check
def raises_permission_denied_error():
    for stream in (False, True):
        with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
            client().chat.completions.create(model=MODEL, messages=QUESTION, stream=stream)


@check
def raises_not_found_error():
    with expect_error(openai.NotFoundError, 404, "model_not_found"):
        client().chat.completions.create(model="class:no-such-class", messages=QUESTION)
    with expect_error(openai.NotFoundError, 404, "model_not_found"):
        client("SPECIFIC").chat.completions.create(model="no-such-model", messages=QUESTION)


def busy_slots():
    """The number of slots of all engines that are generating now, as the engines themselves report it."""
    busy = 0
    for engine in os.environ["REAL_FLEET_ENGINES"].split():
        with urllib.request.urlopen(f"{engine}/slots", timeout=10) as response:
            busy += sum(slot["is_processing"] for slot in json.load(response))
    return busy


def wait_for_slots(busy, seconds):
    """The seconds until exactly this number of slots is busy; None if that takes too long."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if busy_slots() == busy:
            return time.monotonic() - started
        time.sleep(0.02)
    return None


@check
def killed_while_streaming_frees_the_slot():
    # Only streams: this engine notices a closed connection when it writes, which without a stream is at the end.
    expect(wait_for_slots(0, 30) is not None, "the engines are not idle before the test")
    with subprocess.Popen([sys.executable, __file__, "stream"], stdout=subprocess.PIPE) as victim:
        try:
            expect(victim.stdout.readline(), "the victim received nothing")
            expect(wait_for_slots(1, 30) is not None, "the victim's call never reached an engine")
        finally:
            victim.kill()
    seconds = wait_for_slots(0, 30)
    expect(seconds is not None, "the engine was still generating after 30 s")
    expect(seconds <= SLOT_FREE_WITHIN_SECONDS, f"the slot was free only after {seconds:.2f} s")
    return f"free after {seconds:.2f} s"


def stream_for_ever():
    """The process to kill: requests a completion that takes the engine many seconds, and reports its first parts."""
    for _ in client().chat.completions.create(
            model="class:fast", messages=QUESTION, max_tokens=900, stream=True, extra_body={"ignore_eos": True}):
        print("a chunk", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["stream"]:
        stream_for_ever()
    else:
        run(f"openai {openai.__version__}")
