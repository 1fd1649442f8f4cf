"""Helpers shared by the scripts of real clients. Runs inside scripts/real-fleet.

A script marks its checks with `@check` and ends with `run`, which prints `ok NAME` or `FAILED NAME: reason` per check
and exits 1 if one failed.
"""

import contextlib
import os
import sys

MODEL, ALIAS = "smollm2:135m", "smollm2:135m-big"
BASE_URL = os.environ["SIMPLEAI_URL"] + "/v1"
QUESTION = "Name three colours."

checks = []


def check(function):
    checks.append(function)
    return function


def key(name):
    """The fleet's token for BASIC, SPECIFIC or ADMIN; any other name is returned as it is, an invalid token."""
    return os.environ.get(f"REAL_FLEET_{name}", name)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


@contextlib.contextmanager
def expect_error(kind, status, code):
    """Expects that the `openai` package raises an error of this type, with the gateway's error object in it."""
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        expect(isinstance(error, kind), f"{type(error).__name__} instead of {kind.__name__}: {error}")
        expect(error.status_code == status, f"status {error.status_code} instead of {status}")
        expect(error.code == code, f"code {error.code!r} instead of {code!r}")
        expect(error.body and error.body.get("message") and "param" in error.body, f"no error object: {error.body}")
    else:
        raise AssertionError(f"no {kind.__name__} was raised")


def run(title):
    print(title)
    failed = 0
    for function in checks:
        name = function.__name__.replace("_", " ")
        try:
            note = function()
        except Exception as problem:  # any error that the client raises where none is expected
            failed += 1
            print(f"FAILED {name}: {type(problem).__name__}: {problem}".replace("\n", " "))
        else:
            print(f"ok {name}{f' ({note})' if note else ''}")
    sys.exit(1 if failed else 0)
