"""Reads `multipart/form-data` strictly (RFC 7578), piece by piece: files may be larger than the memory of a test."""

import hashlib
import re


class Malformed(Exception):
    pass


async def parts(request, keep=4 << 20):
    """The parts as a list of dictionaries: name, filename, type, size, digest, and the content up to `keep` bytes."""
    kind = re.fullmatch(r'multipart/form-data;\s*boundary="?([^";]{1,70})"?', request.headers.get("content-type", ""))
    if not kind:
        raise Malformed(f"the content type {request.headers.get('content-type')!r}")
    mark, found, buffer, part = b"\r\n--" + kind[1].encode(), [], b"\r\n", None
    ended = False
    async for piece in request.pieces():
        buffer += piece
        while True:
            if ended:
                buffer = b""
                break
            if part is None:  # after a boundary, or before the first one
                if not found and not buffer.startswith(mark) and len(buffer) >= len(mark):
                    raise Malformed("the body does not begin with its boundary")
                if buffer.startswith(mark + b"--"):
                    ended = True
                    continue
                head_end = buffer.find(b"\r\n\r\n")
                if head_end < 0:
                    break
                part = opened(buffer[len(mark) + 2:head_end].decode())
                found.append(part)
                buffer = buffer[head_end + 4:]
            end = buffer.find(mark)
            if end < 0:
                add(part, buffer[:-len(mark)], keep)
                buffer = buffer[-len(mark):] if len(buffer) > len(mark) else buffer
                break
            add(part, buffer[:end], keep)
            part["digest"] = part.pop("hash").hexdigest()
            part["content"] = bytes(part["content"])
            buffer, part = buffer[end:], None
    if not ended:
        raise Malformed("the last boundary is missing")
    return found


def opened(head):
    fields = dict(line.split(": ", 1) for line in head.split("\r\n"))
    fields = {name.lower(): value for name, value in fields.items()}
    name = re.search(r'\bname="([^"]*)"', fields.get("content-disposition", ""))
    if not name:
        raise Malformed(f"a part without a name: {head!r}")
    filename = re.search(r'\bfilename="([^"]*)"', fields["content-disposition"])
    return {"name": name[1], "filename": filename and filename[1], "type": fields.get("content-type"), "size": 0,
            "hash": hashlib.sha256(), "content": bytearray()}


def add(part, data, keep):
    part["size"] += len(data)
    part["hash"].update(data)
    if len(part["content"]) + len(data) <= keep:
        part["content"] += data
