"""The answers of a simulated engine, read by the clients of every API with strict validation: run by
SimulatedEngineClientTests with the engine's address in SIMULATED_ENGINE and its models in SIMULATED_MODELS."""

import base64
import io
import os
import struct
import sys
import wave
import zlib
from typing import Literal

import anthropic
import cohere
import httpx
import ollama
import openai
import pydantic

os.environ.setdefault("SIMPLEAI_URL", "")  # checks.py reads it; this script has no gateway
from checks import check, expect, run  # noqa: E402

ENGINE = os.environ["SIMULATED_ENGINE"]
MODELS = os.environ["SIMULATED_MODELS"].split()
MODEL = MODELS[0]
TOOL = {"name": "get_weather", "description": "The weather of a city.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"]}}
FUNCTION = {"type": "function", "function": {
    "name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["input_schema"]}}


def openai_client():
    return openai.OpenAI(base_url=ENGINE + "/v1", api_key="-", max_retries=0, timeout=30,
                         _strict_response_validation=True)


def anthropic_client():
    return anthropic.Anthropic(base_url=ENGINE, api_key="-", max_retries=0, timeout=30,
                               _strict_response_validation=True)


def ollama_client():
    return ollama.Client(host=ENGINE, timeout=30)


def is_simulated(text):
    expect("simulated" in (text or "").lower(), f"does not state that it is simulated: {text!r}")


# Anthropic

def messages(**options):
    return anthropic_client().messages.create(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "Name three colours."}], **options)


@check
def messages_document():
    message = messages(system=[{"type": "text", "text": "Be short."}])
    expect([block.type for block in message.content] == ["text"], message.content)
    is_simulated(message.content[0].text)
    expect(message.model == MODEL and message.stop_reason == "end_turn", message)
    expect(message.usage.input_tokens == 5 and message.usage.output_tokens > 0, message.usage)


@check
def messages_with_thinking_and_a_tool():
    message = messages(thinking={"type": "enabled", "budget_tokens": 1024}, tools=[TOOL], tool_choice={"type": "any"})
    expect([block.type for block in message.content] == ["thinking", "text", "tool_use"], message.content)
    expect(message.content[2].input == {"city": "simulated", "days": 1}, message.content[2])
    expect(message.stop_reason == "tool_use", message.stop_reason)


@check
def messages_stream():
    with anthropic_client().messages.stream(
            model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "Use get_weather for Oslo."}],
            tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        names = [event.type for event in stream]
        message = stream.get_final_message()
    whole = anthropic_client().messages.create(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "Use get_weather for Oslo."}],
        tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 1024})
    expect(names[0] == "message_start" and names[-1] == "message_stop", names)
    expect({"content_block_start", "content_block_stop", "message_delta"} <= set(names), names)
    expect([block.model_dump(exclude={"id", "parsed_output"}) for block in message.content]
           == [block.model_dump(exclude={"id", "parsed_output"}) for block in whole.content], message.content)
    expect(message.usage.output_tokens == whole.usage.output_tokens, message.usage)


@check
def a_tools_result_gets_a_text():
    message = anthropic_client().messages.create(
        model=MODEL, max_tokens=200, tools=[TOOL], messages=[
            {"role": "user", "content": "Use get_weather."},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo", "days": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "get_weather says: rain"}]}])
    expect([block.type for block in message.content] == ["text"], message.content)


@check
def messages_are_cut_short():
    message = anthropic_client().messages.create(
        model=MODEL, max_tokens=3, messages=[{"role": "user", "content": "Hi"}])
    expect(message.stop_reason == "max_tokens" and message.usage.output_tokens == 3, message)


@check
def count_tokens():
    count = anthropic_client().messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": "one two three"}])
    expect(count.input_tokens == 3, count)


@check
def messages_errors():
    try:
        anthropic_client().messages.create(model="other", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
    except anthropic.NotFoundError as error:
        expect(error.body["error"]["type"] == "not_found_error" and error.body["type"] == "error", error.body)
    else:
        raise AssertionError("no error")


# OpenAI

@check
def chat_with_a_tool_and_reasoning():
    client = openai_client()
    question = [{"role": "user", "content": "Use get_weather."}]
    answer = client.chat.completions.create(
        model=MODEL, messages=question, tools=[FUNCTION], reasoning_effort="low")
    call = answer.choices[0].message.tool_calls[0].function
    expect(call.name == "get_weather" and call.arguments == '{"city":"simulated","days":1}', call)
    expect(answer.choices[0].finish_reason == "tool_calls", answer.choices[0])
    is_simulated(answer.choices[0].message.model_extra["reasoning_content"])
    with client.chat.completions.stream(model=MODEL, messages=question, tools=[FUNCTION]) as stream:
        streamed = stream.get_final_completion()
    expect(streamed.choices[0].message.tool_calls[0].function.arguments == call.arguments, streamed)


@check
def embeddings():
    answer = openai_client().embeddings.create(
        model=MODEL, input=["a", "b"], dimensions=8, encoding_format="float")
    # Without a format the client asks for base64, which its own strict validation refuses.
    lenient = openai.OpenAI(base_url=ENGINE + "/v1", api_key="-", max_retries=0, timeout=30)
    packed = lenient.embeddings.create(model=MODEL, input="a", dimensions=8)
    expect(all(abs(one - other) < 1e-6 for one, other in zip(packed.data[0].embedding, answer.data[0].embedding)), packed)
    expect(len(answer.data) == 2 and len(answer.data[0].embedding) == 8 and answer.usage.prompt_tokens == 2, answer)


def frames(data):
    with wave.open(io.BytesIO(data)) as sound:
        expect(sound.getnchannels() == 1 and sound.getframerate() == 16000 and sound.getsampwidth() == 2, "format")
        return len(sound.readframes(sound.getnframes())) // 2


@check
def speech():
    client = openai_client()
    short = client.audio.speech.create(model=MODEL, voice="alloy", input="one two", response_format="wav")
    long = client.audio.speech.create(model=MODEL, voice="alloy", input="one two three four")
    expect(short.response.headers["content-type"] == "audio/wav", short.response.headers)
    expect(short.response.headers["x-simulated"] == "true" and b"simulated" in short.content[:100], "it does not state that it is simulated")
    expect(frames(long.content) == 2 * frames(short.content) > 0, "the length does not depend on the text")
    raw = client.audio.speech.create(model=MODEL, voice="alloy", input="one two", response_format="pcm")
    expect(raw.content == short.content[-len(raw.content):], "raw samples differ from the file's")


@check
def speech_events():
    with openai_client().audio.speech.with_streaming_response.create(
            model=MODEL, voice="alloy", input="one two three", stream_format="sse") as response:
        events = [line for line in response.iter_lines() if line.startswith("data: ")]
    decoded = [SpeechDelta.model_validate_json(line[6:], strict=True) for line in events[:-1]]
    expect(frames(b"".join(base64.b64decode(event.audio) for event in decoded)) == 4800, "no complete sound")
    expect('"speech.audio.done"' in events[-1] and '"output_tokens":3' in events[-1], events[-1])


class SpeechDelta(pydantic.BaseModel, extra="forbid"):
    """The `openai` package has no type for this event."""

    type: Literal["speech.audio.delta"]
    audio: str


def recording():
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 16000)
    return ("speech.wav", data.getvalue())


@check
def transcriptions():
    client = openai_client().audio.transcriptions
    answer = client.create(model=MODEL, file=recording())
    is_simulated(answer.text)
    expect(answer.usage.type == "duration" and answer.usage.seconds == 2, answer.usage)
    verbose = client.create(model=MODEL, file=recording(), response_format="verbose_json")
    expect(verbose.text == answer.text and verbose.duration == 2.0, verbose)
    expect("".join(segment.text for segment in verbose.segments) == answer.text, verbose.segments)
    expect(client.create(model=MODEL, file=recording(), response_format="text").strip() == answer.text, "text")
    srt = client.create(model=MODEL, file=recording(), response_format="srt")
    expect(srt.startswith("1\n00:00:00,000 --> 00:00:0"), srt)
    vtt = client.create(model=MODEL, file=recording(), response_format="vtt")
    expect(vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:0"), vtt)
    events = list(client.create(model=MODEL, file=recording(), stream=True))
    expect("".join(event.delta for event in events[:-1]) == answer.text == events[-1].text, events)
    expect(events[-1].type == "transcript.text.done" and events[-1].usage.output_tokens == len(events) - 1, events[-1])


@check
def translations():
    client = openai_client().audio.translations
    is_simulated(client.create(model=MODEL, file=recording()).text)
    expect(client.create(model=MODEL, file=recording(), response_format="verbose_json").language == "english", "verbose")


def check_png(encoded):
    data = base64.b64decode(encoded)
    expect(data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG")
    place, found = 8, {}
    while place < len(data):
        size, = struct.unpack(">I", data[place:place + 4])
        name, content = data[place + 4:place + 8], data[place + 8:place + 8 + size]
        expect(struct.unpack(">I", data[place + 8 + size:place + 12 + size])[0] == zlib.crc32(name + content), name)
        found[name] = content
        place += 12 + size
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    expect(len(zlib.decompress(found[b"IDAT"])) == height * (3 * width + 1), "pixels are missing")
    is_simulated(found[b"tEXt"].decode())


@check
def images():
    client = openai_client().images
    answer = client.generate(model=MODEL, prompt="a red barn", n=2)
    expect(len(answer.data) == 2 and answer.data[0].b64_json != answer.data[1].b64_json, "two pictures")
    is_simulated(answer.data[0].revised_prompt)
    picture = base64.b64decode(answer.data[0].b64_json)
    edited = client.edit(model=MODEL, prompt="a blue barn", image=("barn.png", picture))
    varied = client.create_variation(model=MODEL, image=("barn.png", picture))
    for image in answer.data + edited.data + varied.data:
        check_png(image.b64_json)
    expect(answer.usage.output_tokens > 0 and answer.usage.input_tokens == 3, answer.usage)
    events = list(client.generate(model=MODEL, prompt="a red barn", stream=True, partial_images=2))
    expect([event.type for event in events]
           == ["image_generation.partial_image"] * 2 + ["image_generation.completed"], events)
    events = list(client.edit(model=MODEL, prompt="red", image=("barn.png", picture), stream=True))
    expect([event.type for event in events] == ["image_edit.completed"], events)
    check_png(events[0].b64_json)


# Rerank

DOCUMENTS = ["Copenhagen is in Denmark.", "Oslo is the capital of Norway.", "Bread is baked."]


def check_ranking(answer, name):
    expect([item.index for item in answer.results][0] == 1, f"{name}: {answer.results}")
    scores = [item.relevance_score for item in answer.results]
    expect(scores == sorted(scores, reverse=True) and len(scores) == 2, f"{name}: {scores}")


@check
def rerank_as_cohere_does():
    for name, client in [("v1", cohere.Client(api_key="-", base_url=ENGINE)),
                         ("v2", cohere.ClientV2(api_key="-", base_url=ENGINE))]:
        check_ranking(client.rerank(model=MODEL, query="the capital of Norway", documents=DOCUMENTS, top_n=2), name)


class JinaItem(pydantic.BaseModel, extra="forbid"):
    index: int
    relevance_score: float
    document: dict[str, str]


class JinaAnswer(pydantic.BaseModel):
    model: str
    object: str
    usage: dict[str, int]
    results: list[JinaItem]


@check
def rerank_as_jina_does():
    for path in ["/v1/rerank", "/v2/rerank", "/rerank"]:
        response = httpx.post(ENGINE + path, json={
            "model": MODEL, "query": "the capital of Norway", "documents": DOCUMENTS, "top_n": 2,
            "return_documents": True})
        expect(response.status_code == 200, f"{path}: {response.text}")
        answer = JinaAnswer.model_validate_json(response.content, strict=True)
        check_ranking(answer, path)
        expect(answer.results[0].document == {"text": DOCUMENTS[1]} and answer.usage["total_tokens"] > 0, answer)


# Ollama

@check
def ollama_chat():
    client = ollama_client()
    question = [{"role": "user", "content": "Use get_weather."}]
    answer = client.chat(MODEL, question, tools=[FUNCTION], think=True)
    expect(answer.message.tool_calls[0].function.arguments == {"city": "simulated", "days": 1}, answer)
    is_simulated(answer.message.thinking)
    chunks = list(client.chat(MODEL, question, tools=[FUNCTION], think=True, stream=True))
    expect(all(chunk.message.role == "assistant" and chunk.created_at for chunk in chunks), chunks)
    expect("".join(chunk.message.content for chunk in chunks) == answer.message.content, "text")
    expect([chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True], "done")
    expect(sum(bool(chunk.message.tool_calls) for chunk in chunks) == 1, "no call of a tool")
    end = chunks[-1]
    expect(end.done_reason == "stop" and end.eval_count > 0 and end.prompt_eval_count == 2, end)
    expect(end.total_duration >= end.eval_duration > 0, end)


@check
def ollama_generate():
    client = ollama_client()
    answer = client.generate(MODEL, "Hello there")
    is_simulated(answer.response)
    chunks = list(client.generate(MODEL, "Hello there", stream=True))
    expect("".join(chunk.response for chunk in chunks) == answer.response, "text")
    short = client.generate(MODEL, "Hello there", options={"num_predict": 3})
    expect(short.done_reason == "length" and short.eval_count == 3, short)
    expect(client.generate(MODEL, "").done_reason == "load", "an empty prompt loads the model")


@check
def ollama_embeddings():
    client = ollama_client()
    answer = client.embed(MODEL, ["a", "b"])
    expect(len(answer.embeddings) == 2 and answer.model == MODEL and answer.prompt_eval_count == 2, answer)
    expect(list(client.embeddings(MODEL, "a").embedding) == list(answer.embeddings[0]), "the older form differs")


@check
def ollama_lists():
    client = ollama_client()
    expect([model.model for model in client.list().models] == MODELS, "tags")
    running = client.ps().models
    expect(sorted(model.model for model in running) == sorted(MODELS) and running[0].expires_at, running)
    expect(client.show(MODEL).capabilities == ["completion", "tools", "thinking", "embedding"], client.show(MODEL))
    expect("simulated" in httpx.get(ENGINE + "/api/version").json()["version"], "version")
    expect(httpx.head(ENGINE + "/").status_code == 200, "HEAD /")


@check
def ollama_errors():
    try:
        ollama_client().chat("other", [{"role": "user", "content": "Hi"}])
    except ollama.ResponseError as error:
        expect(error.status_code == 404 and "other" in error.error, error)
    else:
        raise AssertionError("no error")


if __name__ == "__main__":
    run(f"anthropic {anthropic.__version__}, ollama, openai {openai.__version__}, cohere {cohere.__version__}")
