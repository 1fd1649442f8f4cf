"""A sentence is spoken and understood through the gateway: run by DialectClientTests on a dialect fleet with real engines, with
the `openai` package."""

import io
import json
import urllib.request
import wave

import openai

from checks import BASE_URL, check, expect, expect_error, key, run
from engine_record import ENGINES, GATEWAY, record

SENTENCE = "Twenty four hours a day, seven days a week."
WORDS = "twenty four hours a day seven days a week"


def client(token="BASIC"):
    return openai.OpenAI(base_url=BASE_URL, api_key=key(token), max_retries=0, timeout=150, _strict_response_validation=True)


def speech(**options):
    return client().audio.speech.create(**{"model": "class:speech", "voice": "alloy", "input": SENTENCE,
                                           "response_format": "wav", **options})


def expect_sound(data):
    with wave.open(io.BytesIO(data)) as file:
        seconds = file.getnframes() / file.getframerate()
    expect(2 < seconds < 6, f"{seconds} s of sound")


@check
def a_sentence_comes_back_as_words():
    answer = speech()
    expect(answer.response.headers["content-type"] == "audio/wav", f"{answer.response.headers}")
    expect_sound(answer.content)
    heard = client().audio.transcriptions.create(model="class:hearing", file=("speech.wav", answer.content))
    expect(heard.text == WORDS, f"heard: {heard.text}")
    return heard.text


@check
def the_engines_saw_their_own_model():
    spoken = record("espeak")["requests"][-1]
    expect(spoken["path"] == "/v1/audio/speech" and spoken["body"]["model"] == "espeak", f"{spoken}")
    parts = {part["name"]: part for part in record("pocketsphinx")["requests"][-1]["parts"]}
    expect(parts["file"]["filename"] == "speech.wav" and parts["model"]["size"] == len("pocketsphinx"), f"{parts}")
    for engine in ENGINES:
        for request in record(engine)["requests"]:
            expect(not {"authorization", "x-api-key", "api-key"} & set(request["headers"]), "the engine saw credentials")


@check
def speech_streams():
    with client().audio.speech.with_streaming_response.create(
            model="class:speech", voice="alloy", input=SENTENCE, response_format="wav") as response:
        pieces = list(response.iter_bytes())
    expect(len(pieces) > 1, f"{len(pieces)} pieces are no stream")
    expect_sound(b"".join(pieces))


@check
def speech_streams_events():
    kinds = []
    with client().audio.speech.with_streaming_response.create(
            model="class:speech", voice="alloy", input=SENTENCE, response_format="wav", stream_format="sse") as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                kinds.append(json.loads(line[6:])["type"])
    expect(kinds.count("speech.audio.delta") > 3 and kinds[-1] == "speech.audio.done", f"{kinds[-3:]}")


@check
def hearing_answers_in_every_form():
    sound = speech().content
    files = client().audio.transcriptions
    text = files.create(model="class:hearing", file=("speech.wav", sound), response_format="text")
    expect(text.strip() == WORDS, f"{text}")
    verbose = files.create(model="class:hearing", file=("speech.wav", sound), response_format="verbose_json")
    expect(verbose.text == WORDS and verbose.duration > 2, f"{verbose}")
    events = list(files.create(model="class:hearing", file=("speech.wav", sound), stream=True))
    expect(events[-1].type == "transcript.text.done" and events[-1].text == WORDS, f"{events[-1:]}")
    expect(len(events) > 3, f"{len(events)} events are no stream")
    translated = client().audio.translations.create(model="class:hearing", file=("speech.wav", sound))
    expect(translated.text == WORDS, f"{translated}")


@check
def the_model_may_stand_behind_the_file():
    """curl and browsers write parts in the order of the form."""
    sound, mark = speech().content, "boundary-of-this-test"
    file = (f"--{mark}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"s.wav\"\r\n"
            "Content-Type: audio/wav\r\n\r\n").encode() + sound + b"\r\n"
    model = f"--{mark}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nclass:hearing\r\n".encode()
    for body in (file + model, model + file):
        request = urllib.request.Request(
            f"{GATEWAY}/v1/audio/transcriptions", body + f"--{mark}--\r\n".encode(),
            {"Authorization": f"Bearer {key('BASIC')}", "Content-Type": f"multipart/form-data; boundary={mark}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            expect(json.load(response)["text"] == WORDS, "other words")


@check
def raises_typed_errors():
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        client("no-such-token").audio.transcriptions.create(model="class:hearing", file=("s.wav", b"RIFF"))
    with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
        client().audio.transcriptions.create(model="pocketsphinx", file=("s.wav", b"RIFF"))
    with expect_error(openai.NotFoundError, 404, "model_not_found"):
        client().audio.transcriptions.create(model="class:no-such-class", file=("s.wav", b"RIFF"))
    with expect_error(openai.APIStatusError, 501, "endpoint_not_supported"):
        client().audio.speech.create(model="class:hearing", voice="alloy", input="Hello")
    try:  # the engine's own words
        client().audio.transcriptions.create(model="class:hearing", file=("s.wav", b"no sound"))
    except openai.BadRequestError as error:
        expect("no WAV file" in error.body["message"], f"{error.body}")
    else:
        raise AssertionError("no error was raised")


run(f"openai {openai.__version__}, espeak-ng, pocketsphinx")
