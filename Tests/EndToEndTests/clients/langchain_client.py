"""The gateway as a program with `langchain-openai` uses it: run by RealClientTests on a real fleet."""

import importlib.metadata

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from checks import ALIAS, BASE_URL, MODEL, QUESTION, check, expect, expect_error, key, run


def client(model="class:fast", token="BASIC", **options):
    return ChatOpenAI(model=model, base_url=BASE_URL, api_key=key(token), max_retries=0, timeout=60, max_tokens=16,
                      **options)


@check
def chats():
    answer = client().invoke(QUESTION)
    expect(answer.content, f"no content: {answer}")
    expect(answer.response_metadata["model_name"] == MODEL, f"another model: {answer.response_metadata}")
    expect(answer.usage_metadata["output_tokens"] > 0, f"no usage: {answer.usage_metadata}")


@check
def streams():
    chunks = list(client().stream(QUESTION))
    expect(len(chunks) > 2, f"{len(chunks)} chunks are no stream")
    whole = sum(chunks[1:], chunks[0])
    expect(whole.content, f"no content: {whole}")


@check
def streams_with_usage_under_an_alias():
    chunks = list(client("class:big", stream_usage=True).stream(QUESTION))
    whole = sum(chunks[1:], chunks[0])
    expect(whole.usage_metadata and whole.usage_metadata["output_tokens"] > 0, f"no usage: {whole}")
    expect(whole.response_metadata["model_name"] == ALIAS, f"another model: {whole.response_metadata}")


@check
def batches():
    answers = client().batch([QUESTION] * 6)
    expect(all(answer.content for answer in answers), "an answer of a batch is empty")


@check
def raises_typed_errors():
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        client(token="no-such-token").invoke(QUESTION)
    with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
        list(client(MODEL).stream(QUESTION))
    with expect_error(openai.NotFoundError, 404, "model_not_found"):
        client("class:no-such-class").invoke(QUESTION)
    with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
        OpenAIEmbeddings(model=MODEL, base_url=BASE_URL, api_key=key("BASIC"), max_retries=0,
                         check_embedding_ctx_length=False).embed_query("x")


run(f"langchain-openai {importlib.metadata.version('langchain-openai')}")
