"""Many large uploads at once to a sleeping machine: run by DialectClientTests on a dialect fleet with voice engines.

    upload_crowd.py [--uploads 50] [--size 26214400] [--callers 5] [--growth 67108864]

Checks that the machine is woken once, that each upload arrives once and unchanged, that all are answered, and that the
gateway's memory grows by no more than `--growth` bytes. Only the standard library.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import urllib.parse

from checks import check, expect, run
from engine_record import BOOT, GATEWAY, record

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--uploads", type=int, default=50)
parser.add_argument("--size", type=int, default=25 << 20)
parser.add_argument("--callers", type=int, default=5, help="the gateway spools so much for one caller, not more")
parser.add_argument("--growth", type=int, default=64 << 20)
options = parser.parse_args()
address = urllib.parse.urlparse(GATEWAY)
MARK, PIECE = b"boundary-of-this-test", 128 * 1024
HEAD = (b"--" + MARK + b"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nclass:hearing\r\n--" + MARK
        + b"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"upload.bin\"\r\n\r\n")
TAIL = b"\r\n--" + MARK + b"--\r\n"


def token(number):
    return subprocess.run([os.environ["SIMPLEAI_BIN"], "token", "--user", f"caller-{number}"], capture_output=True, text=True,
                          check=True).stdout.strip()


def pieces(number):
    """The same bytes for the same number, different ones for another."""
    block, left = random.Random(number).randbytes(PIECE), options.size
    while left:
        piece = block[:left]
        left -= len(piece)
        yield piece


def anonymous_memory():
    """Bytes of the gateway that belong to no file (its program and libraries are mapped files)."""
    with open(f"/proc/{os.environ['GATEWAY_PID']}/status") as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith("Rss")}
    return 1024 * (kilobytes["RssAnon"] + kilobytes["RssShmem"])


async def upload(number, bearer, sent):
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    length = len(HEAD) + options.size + len(TAIL)
    writer.write(f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {bearer}\r\n"
                 f"Content-Type: multipart/form-data; boundary={MARK.decode()}\r\nContent-Length: {length}\r\n"
                 "Connection: close\r\n\r\n".encode() + HEAD)
    for piece in pieces(number):
        writer.write(piece)
        await writer.drain()
    writer.write(TAIL)
    await writer.drain()
    sent.append(time.monotonic())
    answer = await reader.read()
    writer.close()
    status, _, body = answer.partition(b"\r\n\r\n")
    return int(status.split()[1]), body.decode(errors="replace")


async def watch(samples):
    while True:
        samples.append(anonymous_memory())
        await asyncio.sleep(0.05)


async def crowd():
    bearers, samples, sent = [token(number) for number in range(options.callers)], [anonymous_memory()], []
    watching = asyncio.ensure_future(watch(samples))
    answers = await asyncio.gather(*(upload(number, bearers[number % len(bearers)], sent) for number in range(options.uploads)))
    watching.cancel()
    return answers, max(samples) - samples[0], sent


started = time.monotonic()
answers, growth, sent = asyncio.run(crowd())


@check
def all_uploads_are_answered():
    wanted = f"An upload of {options.size} bytes."
    wrong = [answer for answer in answers if answer[0] != 200 or json.loads(answer[1])["text"] != wanted]
    expect(not wrong, f"{len(wrong)} of {len(answers)}: {wrong[:2]}")
    return f"{len(answers)} in {time.monotonic() - started:.0f} s"


@check
def each_arrives_once_and_unchanged():
    digests = []
    for number in range(options.uploads):
        digest = hashlib.sha256()
        for piece in pieces(number):
            digest.update(piece)
        digests.append(digest.hexdigest())
    requests = record("pocketsphinx")["requests"]
    arrived = [part["digest"] for request in requests for part in request.get("parts", []) if part["name"] == "file"]
    expect(sorted(arrived) == sorted(digests), f"{len(arrived)} arrived, {len(set(arrived) & set(digests))} unchanged")


@check
def uploads_are_taken_while_the_machine_boots():
    expect(not BOOT or sent[-1] - started < BOOT, f"the last upload was sent after {sent[-1] - started:.0f} s")


@check
def the_machine_is_woken_once():
    expect(not BOOT or record("pocketsphinx")["wakes"] == 1, f"{record('pocketsphinx')['wakes']} wakes")


@check
def memory_stays_flat():
    expect(growth < options.growth, f"the gateway grew by {growth >> 20} MiB")
    return f"{growth / (1 << 20):.0f} MiB more for {options.uploads * options.size >> 20} MiB of uploads"


@check
def nothing_is_left_on_the_disk():
    """Spool files have no names, and are closed."""
    folder = f"/proc/{os.environ['GATEWAY_PID']}/fd"
    names = []
    for entry in os.listdir(folder):
        try:
            names.append(os.readlink(f"{folder}/{entry}"))
        except OSError:
            pass
    expect(not [name for name in names if name.endswith("(deleted)")], f"open spool files: {names}")


sys.argv[1:] = []
run("A crowd of uploads")
