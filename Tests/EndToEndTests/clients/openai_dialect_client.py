"""What the `openai` package calls beside chats: responses, images, model lists. Run by DialectClientTests on a dialect fleet."""

import base64
import json
import urllib.request

import openai

from checks import BASE_URL, check, expect, expect_error, key, run
from engine_record import GATEWAY, record

PNG = b"\x89PNG\r\n\x1a\n"
TOOL = {"type": "function", "name": "get_weather", "description": "The weather", "strict": False,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def client(token="BASIC", **options):
    return openai.OpenAI(**{"base_url": BASE_URL, "api_key": key(token), "max_retries": 0, "timeout": 60,
                            "_strict_response_validation": True, **options})


@check
def responds():
    answer = client().responses.create(model="class:big", input="Say hello.")
    expect(answer.output_text == "Hello from the scripted engine." and answer.model == "scripted", f"{answer}")
    expect(answer.usage.output_tokens > 0, f"{answer.usage}")


@check
def responds_in_streams():
    with client().responses.stream(model="class:big", input="Say hello.") as stream:
        kinds = [event.type for event in stream]
        answer = stream.get_final_response()
    expect(kinds[0] == "response.created" and kinds[-1] == "response.completed", f"{kinds}")
    expect(answer.output_text == "Hello from the scripted engine." and answer.model == "scripted", f"{answer}")


@check
def responds_with_tools():
    ask = [{"role": "user", "content": "What is the weather in Rome and Oslo?"}]
    answer = client().responses.create(model="class:big", input=ask, tools=[TOOL])
    calls = [item for item in answer.output if item.type == "function_call"]
    expect([json.loads(call.arguments)["city"] for call in calls] == ["Rome", "Oslo"], f"{answer}")
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": weather}
               for call, weather in zip(calls, ("sunny", "rainy"))]
    final = client().responses.create(
        model="class:big", input=[*ask, *(call.model_dump(exclude_none=True) for call in calls), *results], tools=[TOOL])
    expect(final.output_text == "It is sunny and rainy.", f"{final}")


def expect_picture(data):
    expect(base64.b64decode(data).startswith(PNG), "no picture")


@check
def draws():
    answer = client().images.generate(model="class:pictures", prompt="A grey square", n=2, size="1024x1024")
    expect(len(answer.data) == 2, f"{len(answer.data)} pictures")
    for picture in answer.data:
        expect_picture(picture.b64_json)


@check
def draws_in_streams():
    events = list(client().images.generate(model="class:pictures", prompt="A grey square", stream=True, partial_images=2))
    expect([event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"], f"{events}")
    expect_picture(events[-1].b64_json)


@check
def edits_pictures():
    picture = base64.b64decode(client().images.generate(model="class:pictures", prompt="A grey square").data[0].b64_json)
    edited = client().images.edit(model="class:pictures", image=[("a.png", picture), ("b.png", picture)], prompt="Darker")
    expect_picture(edited.data[0].b64_json)
    seen = record("pictures")["requests"][-1]
    expect(len(seen["files"]) == 2 and seen["files"][0]["size"] == len(picture), f"{seen}")
    expect(seen["fields"]["model"] == "pictures", f"{seen}")
    expect_picture(client().images.create_variation(model="class:pictures", image=("a.png", picture)).data[0].b64_json)


@check
def models_say_what_they_can():
    models = {model.id: model for model in client("SPECIFIC").models.list()}
    extra = models["scripted"].model_extra or {}
    expect(extra.get("context_length") == 200000, f"{extra}")
    request = urllib.request.Request(f"{BASE_URL}/models", headers={"Authorization": f"Bearer {key('SPECIFIC')}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        expect(isinstance(json.load(response).get("models"), list), "no `models` for Codex")


@check
def azure_clients_use_deployments():
    azure = openai.AzureOpenAI(azure_endpoint=GATEWAY, api_key=key("BASIC"), api_version="2024-10-21", max_retries=0,
                               timeout=60, _strict_response_validation=True)
    answer = azure.chat.completions.create(model="class:big", messages=[{"role": "user", "content": "Say hello."}])
    expect(answer.choices[0].message.content == "Hello from the scripted engine.", f"{answer}")
    chunks = list(azure.chat.completions.create(model="class:big", stream=True,
                                                messages=[{"role": "user", "content": "Say hello."}]))
    expect(len(chunks) > 2, f"{len(chunks)} chunks are no stream")


@check
def raises_typed_errors():
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        client("no-such-token").images.generate(model="class:pictures", prompt="x")
    with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
        client().images.generate(model="pictures", prompt="x")
    with expect_error(openai.APIStatusError, 501, "endpoint_not_supported"):
        client().images.generate(model="class:big", prompt="x")
    with expect_error(openai.APIStatusError, 501, "endpoint_not_supported"):
        client().images.edit(model="class:big", image=("a.png", PNG), prompt="x")


run(f"openai {openai.__version__}")
