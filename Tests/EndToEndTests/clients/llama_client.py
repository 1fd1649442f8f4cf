"""llama.cpp's own `/v1/messages`, `/v1/embeddings` and `/v1/rerank` behind the gateway, and the same model through the
translation to chat completions: run by DialectClientTests on a dialect fleet, with the `anthropic` package."""

import json
import math
import urllib.error
import urllib.request

import anthropic

from checks import BASE_URL, check, expect, key, run
from engine_record import ENGINES, GATEWAY

NATIVE, TRANSLATED = "smollm2:135m", "smollm2:135m-translated"
ASK = {"max_tokens": 24, "system": "You are brief.", "messages": [{"role": "user", "content": "Name three colours."}],
       "extra_body": {"temperature": 0}}
TOOL = {"name": "get_weather", "description": "The weather in a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def client():
    return anthropic.Anthropic(base_url=GATEWAY, auth_token=key("SPECIFIC"), api_key=None, max_retries=0, timeout=120,
                               _strict_response_validation=True)


def post(path, body):
    request = urllib.request.Request(f"{GATEWAY}{path}", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {key('SPECIFIC')}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as problem:
        raise Failed(path, problem.code, problem.read().decode()) from None


class Failed(Exception):
    @property
    def status(self):
        return self.args[1]

    @property
    def error(self):
        return json.loads(self.args[2])["error"]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def prompt_tokens(usage):
    return usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)


@check
def native_and_translated_answers_agree():
    native, translated = (client().messages.create(model=model, **ASK) for model in (NATIVE, TRANSLATED))
    expect((native.model, translated.model) == (NATIVE, TRANSLATED), f"the models: {native.model}, {translated.model}")
    expect(text_of(native), f"no text: {native}")
    for name in ("type", "role", "stop_reason", "stop_sequence"):
        expect(getattr(native, name) == getattr(translated, name), f"{name}: {native}, {translated}")
    expect([block.type for block in native.content] == [block.type for block in translated.content], "other blocks")
    expect(native.model_dump().keys() == translated.model_dump().keys(), f"{native}, {translated}")
    # The model, the prompt and the temperature of 0 are the same, so the words are.
    expect(text_of(native) == text_of(translated), f"{text_of(native)!r}, {text_of(translated)!r}")
    expect(native.usage.output_tokens == translated.usage.output_tokens, f"{native.usage}, {translated.usage}")
    expect(prompt_tokens(native.usage) == prompt_tokens(translated.usage), f"{native.usage}, {translated.usage}")
    return text_of(native).replace("\n", " ")


def events_of(model):
    """Which events came, each with the names of its members; pings may come at any time, repeated kinds count once."""
    seen, text = [], ""
    for event in client().messages.create(model=model, stream=True, **ASK):
        kind = (event.type, tuple(sorted(event.to_dict().keys())))
        if event.type == "ping" or kind in seen:
            pass
        else:
            seen.append(kind)
        if event.type == "content_block_delta":
            text += event.delta.text
    return seen, text


@check
def native_and_translated_streams_agree():
    (native, words), (translated, other_words) = events_of(NATIVE), events_of(TRANSLATED)
    expect(native == translated, f"{native}, {translated}")
    expect(words and words == other_words, f"{words!r}, {other_words!r}")


@check
def takes_what_claude_code_sends():
    for model in (NATIVE, TRANSLATED):
        body = {"model": model, "max_tokens": 8, "tools": [TOOL], "thinking": {"type": "adaptive", "display": "omitted"},
                "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
                "output_config": {"effort": "high"}, "metadata": {"user_id": "{}"},
                "system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1;"},
                           {"type": "text", "text": "You are brief.", "cache_control": {"type": "ephemeral"}}],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Say hi."}]},
                             {"role": "system", "content": [{"type": "text", "text": "The day is Monday."}]}]}
        answer = post("/v1/messages?beta=true", body)
        expect(answer["type"] == "message" and answer["content"], f"{model}: {answer}")


@check
def counts_tokens_as_the_engine_does():
    fields = {name: ASK[name] for name in ("system", "messages")}
    counted = client().messages.count_tokens(model=NATIVE, **fields).input_tokens
    used = prompt_tokens(client().messages.create(model=NATIVE, **ASK).usage)
    expect(counted == used, f"counted {counted}, used {used}")
    estimated = client().messages.count_tokens(model=TRANSLATED, **fields).input_tokens
    expect(used / 4 < estimated < used * 4, f"estimated {estimated}, used {used}")
    return f"{counted} tokens, estimated {estimated}"


@check
def computes_embeddings():
    texts = ["A cat sits on the mat.", "A kitten rests on a rug.", "The stock market fell sharply today."]
    answer = post("/v1/embeddings", {"model": "all-minilm", "input": texts})
    vectors = [entry["embedding"] for entry in answer["data"]]
    expect(answer["model"] == "all-minilm" and [len(vector) for vector in vectors] == [384] * 3, f"{answer['model']}")
    near, far = (sum(a * b for a, b in zip(vectors[0], other)) / (math.hypot(*vectors[0]) * math.hypot(*other))
                 for other in vectors[1:])
    expect(near > far + 0.3, f"cat and kitten {near:.2f}, cat and market {far:.2f}")
    with urllib.request.urlopen(urllib.request.Request(
            f"{ENGINES['all-minilm']}/v1/embeddings", json.dumps({"input": texts[:1]}).encode(),
            {"Content-Type": "application/json"}), timeout=60) as response:
        direct = json.load(response)["data"][0]["embedding"]
    expect(max(abs(a - b) for a, b in zip(direct, vectors[0])) < 1e-3, "another vector than the engine's own")
    return f"cat and kitten {near:.2f}, cat and market {far:.2f}"


@check
def computes_embeddings_for_ollama_clients():
    answer = post("/api/embed", {"model": "all-minilm", "input": ["one", "two"]})
    expect([len(vector) for vector in answer["embeddings"]] == [384] * 2 and answer["model"] == "all-minilm", f"{answer}"[:300])
    expect(len(post("/api/embeddings", {"model": "all-minilm", "prompt": "one"})["embedding"]) == 384, "no vector")


@check
def reranks():
    documents = ["The stock market fell.", "A cat sits on the mat.", "It rains."]
    for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
        answer = post(path, {"model": "reranker", "query": "Where is the cat?", "documents": documents, "top_n": 2})
        results = answer["results"]
        expect(answer["model"] == "reranker" and len(results) == 2, f"{path}: {answer}")
        expect(all(entry["index"] in range(3) and isinstance(entry["relevance_score"], float) for entry in results), f"{answer}")


@check
def an_engine_without_the_endpoint_is_named():
    for path, body in (("/v1/rerank", {"model": NATIVE, "query": "x", "documents": ["x"]}),
                       ("/v1/audio/speech", {"model": NATIVE, "voice": "x", "input": "x"})):
        for _ in range(2):  # the second time, the gateway knows it
            try:
                post(path, body)
            except Failed as problem:
                expect(problem.status == 501 and problem.error["message"], f"{problem}")
            else:
                raise AssertionError(f"{path} was answered")
        expect(problem_code(path, body) == "endpoint_not_supported", f"{path}")


def problem_code(path, body):
    try:
        post(path, body)
    except Failed as problem:
        return problem.error["code"]


run(f"llama.cpp, anthropic {anthropic.__version__}")
