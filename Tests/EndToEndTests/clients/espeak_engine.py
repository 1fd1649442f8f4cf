"""An engine for speech: `POST /v1/audio/speech` around espeak-ng (wheel `espeakng-loader`). Run by dialect_fleet.py.

`response_format`: `wav` (default) or `pcm`; `stream_format`: `audio` (default) or `sse`.
"""

import asyncio
import base64
import ctypes
import json
import struct

import espeakng_loader

from loopback_http import Response, refusal, run

SYNCHRONOUS, UTF8 = 2, 1
RATE_PARAMETER, WORDS_PER_MINUTE = 1, 150
VOICE_NAME = "en-us+f5"  # the one that pocketsphinx understands best


class Voice:
    """The library, which speaks one text at a time."""

    def __init__(self):
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
        if self.rate <= 0:
            raise SystemExit("espeak_engine: the library finds no voices")
        self.samples = bytearray()
        # Kept: the library calls it for as long as the process lives.
        self.callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(self.receive)
        self.library.espeak_SetSynthCallback(self.callback)
        self.library.espeak_SetParameter(RATE_PARAMETER, WORDS_PER_MINUTE, 0)

    def receive(self, samples, count, _):
        if samples and count > 0:
            self.samples += ctypes.string_at(samples, 2 * count)
        return 0

    def speak(self, text, voice):
        """The text as samples: mono, 16 bits, little-endian."""
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:  # such as "alloy"
            self.library.espeak_SetVoiceByName(VOICE_NAME.encode())
        self.samples.clear()
        data = text.encode() + b"\0"
        self.library.espeak_Synth(data, len(data), 0, 0, 0, UTF8, None, None)
        return bytes(self.samples)


VOICE = Voice()


def wav(samples):
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, VOICE.rate, 2 * VOICE.rate, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVE" + form + b"data" + struct.pack("<I", len(samples)) + samples


async def in_pieces(audio, size=8192):
    for start in range(0, len(audio), size):
        yield audio[start:start + size]
        await asyncio.sleep(0)


async def as_events(audio, size=8192):
    async for piece in in_pieces(audio, size):
        yield b"data: " + json.dumps({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}).encode() + b"\n\n"
    usage = {"input_tokens": 9, "output_tokens": 90, "total_tokens": 99}
    yield b"data: " + json.dumps({"type": "speech.audio.done", "usage": usage}).encode() + b"\n\n"


async def handle(_, request, record):
    if request.path == "/v1/models":
        return Response({"object": "list", "data": [{"id": "espeak", "object": "model", "owned_by": "tests"}]})
    raw = await request.body()
    record.append({"path": request.path, "headers": request.headers, "bytes": len(raw)})
    if request.path != "/v1/audio/speech":
        return refusal(f"Not Found: {request.path}", 404)
    body = json.loads(raw)
    record[-1]["body"] = body
    if body.get("model") != "espeak" or not isinstance(body.get("input"), str):
        return refusal("model must be espeak, input a text")
    kind = body.get("response_format", "wav")
    if kind not in ("wav", "pcm"):
        return refusal(f"response_format {kind!r} is not supported: wav, pcm")
    samples = VOICE.speak(body["input"], body.get("voice", VOICE_NAME))
    audio = wav(samples) if kind == "wav" else samples
    if body.get("stream_format") == "sse":
        return Response(as_events(audio), media_type="text/event-stream")
    return Response(in_pieces(audio), media_type="audio/wav" if kind == "wav" else "audio/pcm")


if __name__ == "__main__":
    run(handle)
