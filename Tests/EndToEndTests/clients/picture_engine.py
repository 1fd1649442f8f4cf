"""An engine for pictures: `/v1/images/generations`, `edits` and `variations`. Its pictures are real PNG files of one colour, taken
from the prompt's length. Run by dialect_fleet.py."""

import base64
import json
import struct
import zlib

import multipart
from loopback_http import Response, refusal, run


def png(side, shade):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade % 256] * 3) * side) * side
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


USAGE = {"input_tokens": 5, "output_tokens": 50, "total_tokens": 55, "input_tokens_details": {"image_tokens": 0, "text_tokens": 5}}


async def events(picture, operation):
    about = {"b64_json": picture, "created_at": 1700000000, "size": "64x64", "quality": "low", "background": "opaque",
             "output_format": "png"}
    for number in range(2):
        yield event(f"image_{operation}.partial_image", partial_image_index=number, **about)
    yield event(f"image_{operation}.completed", usage=USAGE, **about)


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


async def handle(_, request, record):
    if request.path == "/v1/models":
        return Response({"object": "list", "data": [{"id": "pictures", "object": "model", "owned_by": "tests"}]})
    entry = {"path": request.path, "headers": request.headers}
    record.append(entry)
    if request.path == "/v1/images/generations":
        fields, files = json.loads(await request.body()), []
    elif request.path in ("/v1/images/edits", "/v1/images/variations"):
        parts = await multipart.parts(request)
        fields = {part["name"]: part["content"].decode() for part in parts if part["filename"] is None}
        files = [part for part in parts if part["filename"] is not None]
        entry["files"] = [{"name": part["name"], "size": part["size"], "digest": part["digest"]} for part in files]
    else:
        await request.body()
        return refusal(f"Not Found: {request.path}", 404)
    entry["fields"] = fields
    if fields.get("model") != "pictures":
        return refusal(f"model {fields.get('model')!r} does not exist")
    picture = base64.b64encode(png(64, len(fields.get("prompt", "")) + len(files))).decode()
    if fields.get("stream") in (True, "true"):
        return Response(events(picture, "edit" if files else "generation"), media_type="text/event-stream")
    return Response({"created": 1700000000, "data": [{"b64_json": picture}] * int(fields.get("n", 1)), "usage": USAGE})


if __name__ == "__main__":
    run(handle)
