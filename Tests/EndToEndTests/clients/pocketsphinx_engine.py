"""An engine for hearing: `POST /v1/audio/transcriptions` around pocketsphinx, whose wheel has an English model.

`response_format`: `json` (default), `text` or `verbose_json`; `stream`: events. Only WAV files, mono, 16 bits. An upload
that is no WAV file of 1 MiB or more is measured and not listened to: "An upload of 26214400 bytes." Run by dialect_fleet.py.
"""

import asyncio
import io
import json
import struct
import wave

from pocketsphinx import Decoder

import multipart
from loopback_http import Response, refusal, run

RATE = 16000


def resampled(samples, rate):
    """Linear interpolation: the model knows one rate."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    step, count = rate / RATE, int((len(values) - 1) * RATE / rate)
    result = []
    for number in range(count):
        position = number * step
        index = int(position)
        share = position - index
        result.append(int(values[index] * (1 - share) + values[index + 1] * share))
    return struct.pack(f"<{count}h", *result)


def words(audio):
    with wave.open(io.BytesIO(audio)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError("only mono with 16 bits")
        samples, rate = file.readframes(file.getnframes()), file.getframerate()
    decoder = Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(resampled(samples, rate) if rate != RATE else samples, full_utt=True)
    decoder.end_utt()
    return (decoder.hyp().hypstr if decoder.hyp() else ""), len(samples) / 2 / rate


async def events(text, seconds):
    """Only token counts may be in the last event; in documents, usage may be a duration."""
    words_of_text = text.split(" ")
    heard, written = round(seconds * 10), len(words_of_text)
    usage = {"type": "tokens", "input_tokens": heard, "output_tokens": written, "total_tokens": heard + written}
    for word in words_of_text:
        yield b"data: " + json.dumps({"type": "transcript.text.delta", "delta": word + " "}).encode() + b"\n\n"
    yield b"data: " + json.dumps({"type": "transcript.text.done", "text": text, "usage": usage}).encode() + b"\n\n"


async def handle(_, request, record):
    if request.path == "/v1/models":
        return Response({"object": "list", "data": [{"id": "pocketsphinx", "object": "model", "owned_by": "tests"}]})
    entry = {"path": request.path, "headers": request.headers}
    record.append(entry)
    if request.path not in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        await request.body()
        return refusal(f"Not Found: {request.path}", 404)
    try:
        parts = await multipart.parts(request)
    except multipart.Malformed as problem:
        entry["refused"] = str(problem)
        return refusal(str(problem))
    entry["parts"] = [{name: value for name, value in part.items() if name != "content"} for part in parts]
    fields = {part["name"]: part["content"].decode() for part in parts if part["filename"] is None}
    files = [part for part in parts if part["filename"] is not None]
    if fields.get("model") != "pocketsphinx" or len(files) != 1 or files[0]["name"] != "file":
        return refusal(f"model must be pocketsphinx, with one file: {sorted(fields)}, model {fields.get('model')!r}")
    try:
        if files[0]["size"] >= 1 << 20 and not files[0]["content"].startswith(b"RIFF"):
            text, seconds = f"An upload of {files[0]['size']} bytes.", 1
        else:
            text, seconds = await asyncio.to_thread(words, files[0]["content"])
    except (ValueError, wave.Error, EOFError) as problem:
        return refusal(f"the file is no WAV file: {problem}")
    return answer(text, seconds, fields)


def answer(text, seconds, fields):
    usage = {"type": "duration", "seconds": round(seconds)}
    kind = fields.get("response_format", "json")
    if fields.get("stream") == "true":
        return Response(events(text, seconds), media_type="text/event-stream")
    if kind == "text":
        return Response(f"{text}\n".encode(), media_type="text/plain; charset=utf-8")
    if kind == "verbose_json":
        return Response({"task": "transcribe", "language": "english", "duration": seconds, "text": text, "segments": [],
                         "usage": usage})
    if kind != "json":
        return refusal(f"response_format {kind!r} is not supported: json, text, verbose_json")
    return Response({"text": text, "usage": usage})


if __name__ == "__main__":
    run(handle)
