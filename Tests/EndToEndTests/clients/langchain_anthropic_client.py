"""The gateway as a program with `langchain-anthropic` uses it: run by DialectClientTests on a dialect fleet."""

import importlib.metadata

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from checks import check, expect, key, run
from engine_record import GATEWAY


def client(model="class:big", token="BASIC", **options):
    return ChatAnthropic(model=model, base_url=GATEWAY, api_key=key(token), max_retries=0, timeout=60, max_tokens=100,
                         **options)


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return {"Rome": "sunny", "Oslo": "rainy"}[city]


def text(message):
    return message.text if isinstance(message.text, str) else message.text()


@check
def chats():
    answer = client().invoke("Say hello.")
    expect(text(answer) == "Hello from the scripted engine.", f"{answer}")
    expect(answer.response_metadata["model_name"] == "scripted", f"another model: {answer.response_metadata}")
    expect(answer.usage_metadata["output_tokens"] > 0, f"no usage: {answer.usage_metadata}")


@check
def streams():
    chunks = list(client().stream("Say hello."))
    whole = sum(chunks[1:], chunks[0])
    expect(len(chunks) > 2 and text(whole) == "Hello from the scripted engine.", f"{len(chunks)} chunks: {whole}")
    expect(whole.usage_metadata["output_tokens"] > 0, f"no usage: {whole.usage_metadata}")


@check
def calls_tools():
    for ask in (lambda model, messages: model.invoke(messages), lambda model, messages: add(model.stream(messages))):
        model, messages = client().bind_tools([get_weather]), [HumanMessage("What is the weather in Rome and Oslo?")]
        answer = ask(model, messages)
        expect([call["args"]["city"] for call in answer.tool_calls] == ["Rome", "Oslo"], f"{answer.tool_calls}")
        results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]
        final = ask(model, [*messages, answer, *results])
        expect(text(final) == "It is sunny and rainy.", f"{final}")


def add(chunks):
    chunks = list(chunks)
    return sum(chunks[1:], chunks[0])


@check
def counts_tokens():
    count = client().get_num_tokens_from_messages([HumanMessage("Say hello.")])
    expect(count > 0, f"{count}")


@check
def batches():
    expect(all(text(answer) for answer in client().batch(["Say hello."] * 6)), "an answer of a batch is empty")


@check
def raises_typed_errors():
    for kind, model, token in ((anthropic.AuthenticationError, "class:big", "no-such-token"),
                               (anthropic.PermissionDeniedError, "scripted", "BASIC"),
                               (anthropic.NotFoundError, "class:no-such-class", "BASIC")):
        try:
            client(model, token).invoke("Say hello.")
        except kind as error:
            expect(error.body["type"] == "error", f"{error.body}")
        else:
            raise AssertionError(f"no {kind.__name__} was raised")


run(f"langchain-anthropic {importlib.metadata.version('langchain-anthropic')}")
