#!/usr/bin/env python3
"""Facts about a PNG, one line: width, height, number of distinct colours, share of the most common colour.

    picture.py FILE

Reads what browsers write: 8 bits per channel, RGB or RGBA, not interlaced.
"""

import collections
import struct
import sys
import zlib


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise SystemExit("picture.py: no PNG")
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + length]
        at += 12 + length


def unfiltered(kind, line, above, pixel):
    """One row without its filter (PNG specification, 9.2)."""
    for i in range(len(line)):
        left = line[i - pixel] if i >= pixel else 0
        up = above[i]
        corner = above[i - pixel] if i >= pixel else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + up) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
            line[i] = (line[i] + nearest[2]) & 255
    return line


def main():
    with open(sys.argv[1], "rb") as file:
        parts = list(chunks(file.read()))
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    if depth != 8 or colour not in (2, 6) or interlace:
        raise SystemExit(f"picture.py: depth {depth}, colour type {colour}, interlace {interlace} are not read")
    pixel = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    stride = width * pixel + 1
    above = bytearray(width * pixel)
    colours = collections.Counter()
    for row in range(height):
        line = bytearray(raw[row * stride + 1:(row + 1) * stride])
        kind = raw[row * stride]
        above = unfiltered(kind, line, above, pixel) if kind else line
        colours.update(zip(*[iter(above)] * pixel))
    print(width, height, len(colours), round(max(colours.values()) / (width * height), 3))


if __name__ == "__main__":
    main()
