"""What a program written with `pydantic-ai` notices of the gateway: run by RealClientTests on a real fleet."""

import asyncio
import importlib.metadata

from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from checks import BASE_URL, MODEL, QUESTION, check, expect, key, run


def agent(model="class:fast", token="BASIC"):
    provider = OpenAIProvider(base_url=BASE_URL, api_key=key(token))
    return Agent(OpenAIChatModel(model, provider=provider), model_settings={"max_tokens": 16})


@check
def chats():
    result = agent().run_sync(QUESTION)
    expect(result.output, f"no output: {result}")
    expect(result.usage.output_tokens > 0, f"no usage: {result.usage}")
    expect(result.all_messages()[-1].model_name == MODEL, f"another model: {result.all_messages()[-1]}")


@check
def streams():
    async def stream():
        async with agent().run_stream(QUESTION) as result:
            return [text async for text in result.stream_text(delta=True, debounce_by=None)], result.usage

    texts, usage = asyncio.run(stream())
    expect(len(texts) > 2 and "".join(texts), f"{len(texts)} pieces are no stream")
    expect(usage.output_tokens > 0, f"no usage: {usage}")


@check
def raises_typed_errors():
    for token, model, status, code in [
            ("no-such-token", "class:fast", 401, "invalid_api_key"), ("BASIC", MODEL, 403, "permission_denied"),
            ("BASIC", "class:no-such-class", 404, "model_not_found")]:
        try:
            agent(model, token).run_sync(QUESTION)
        except ModelHTTPError as error:
            expect(error.status_code == status, f"status {error.status_code} instead of {status}")
            expect(error.body and error.body.get("code") == code, f"no error object with {code}: {error.body}")
        else:
            raise AssertionError(f"no error with status {status} was raised")


run(f"pydantic-ai-slim {importlib.metadata.version('pydantic-ai-slim')}")
