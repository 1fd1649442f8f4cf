"""The gateway as a program with `instructor` uses it: run by RealClientTests on a real fleet."""

import importlib.metadata
import typing

import instructor
import openai
import pydantic

from checks import BASE_URL, MODEL, check, expect, key, run


class Colour(pydantic.BaseModel):
    name: typing.Literal["red", "green", "blue"]


def client(token="BASIC"):
    plain = openai.OpenAI(base_url=BASE_URL, api_key=key(token), max_retries=0, timeout=60)
    return instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)


def ask(model="class:fast"):
    return {"model": model, "messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 64}


@check
def chats():
    colour = client().chat.completions.create(response_model=Colour, max_retries=1, **ask())
    expect(isinstance(colour, Colour), f"no colour: {colour}")


@check
def shows_the_completion_behind_it():
    colour, completion = client().chat.completions.create_with_completion(response_model=Colour, max_retries=1, **ask())
    expect(completion.model == MODEL, f"another model: {completion.model}")
    expect(completion.usage.completion_tokens > 0, f"no usage: {completion.usage}")


@check
def streams():
    parts = list(client().chat.completions.create_partial(response_model=Colour, **ask()))
    expect(len(parts) > 1, f"{len(parts)} parts are no stream")
    expect(parts[-1].name in ("red", "green", "blue"), f"no colour: {parts[-1]}")


def cause_of(problem):
    """The client's error: Instructor raises an error about its own attempts, with the client's as the cause."""
    while problem is not None and not isinstance(problem, openai.APIStatusError):
        problem = problem.__cause__ or problem.__context__
    return problem


@check
def raises_typed_errors():
    for token, model, kind, code in [
            ("no-such-token", "class:fast", openai.AuthenticationError, "invalid_api_key"),
            ("BASIC", MODEL, openai.PermissionDeniedError, "permission_denied"),
            ("BASIC", "class:no-such-class", openai.NotFoundError, "model_not_found")]:
        try:
            client(token).chat.completions.create(response_model=Colour, max_retries=1, **ask(model))
        except Exception as problem:
            cause = cause_of(problem)
            expect(type(cause) is kind, f"{problem!r} instead of {kind.__name__}")
            expect(cause.code == code, f"code {cause.code!r} instead of {code!r}")
        else:
            raise AssertionError(f"no {kind.__name__} was raised")


run(f"instructor {importlib.metadata.version('instructor')}")
