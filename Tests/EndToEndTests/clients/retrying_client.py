"""Impatient clients that repeat their requests while a machine boots: run by DialectClientTests on a dialect fleet.

The `openai` package gives up after a short time, and tries again. The engine must see each logical request once: the calls
that were given up are cancelled, and do not reach the engine when it comes up."""

import concurrent.futures
import os

import openai

from checks import BASE_URL, check, expect, key, run
from engine_record import BOOT, expect_each_once, expect_one_wake, record

TIMEOUT = 4


def client():
    return openai.OpenAI(base_url=BASE_URL, api_key=key("BASIC"), max_retries=int(BOOT), timeout=TIMEOUT)


def chat(number):
    return client().chat.completions.create(
        model="class:big", messages=[{"role": "user", "content": f"Say hello, {number}."}]).choices[0].message.content


def respond(number):
    return client().responses.create(model="class:big", input=f"Say hello, {number}.").output_text


@check
def impatient_clients_are_answered():
    expect(BOOT > 3 * TIMEOUT, "the machine boots too fast for this test")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = [*pool.map(chat, range(3)), *pool.map(respond, range(3, 6))]
    expect(answers == ["Hello from the scripted engine."] * 6, f"{answers}")


@check
def the_engine_saw_each_request_once():
    requests = record()["requests"]
    expect_each_once(requests, 6)
    expect(len(requests) == 6, f"{len(requests)} requests")
    with open(os.environ["REAL_FLEET_LOG"]) as log:
        given_up = sum(" status=499 " in line for line in log)
    expect(given_up >= 6, f"only {given_up} calls were given up")
    return f"{given_up} calls were given up before"


@check
def the_machine_was_woken_once():
    return expect_one_wake()


run(f"openai {openai.__version__}")
