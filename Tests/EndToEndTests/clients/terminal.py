"""Runs a program in a terminal of its own, presses Ctrl-C at a chosen moment, and reports the final screen.

    terminal.py [--presses N] (--at-text REGEX | --at-file GLOB) [--] PROGRAM ARGUMENT…

The moment is when the screen shows REGEX, or when a file matches GLOB. Prints one line of JSON:

    code            the exit code as a shell shows it; null if the program had to be killed
    seconds         from the first Ctrl-C to the program's end
    screen          the screen's lines at the end
    isPlain         whether colours and attributes are back to normal
    cursorIsVisible
    modesAreKept    whether the terminal's attributes (termios) are the same as before
"""

import argparse
import fcntl
import glob
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

COLUMNS, ROWS = 120, 50
CONTROL_C = b"\x03"


class Screen:
    """The part of a terminal that the program uses; an unknown sequence is an error."""

    sequence = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")

    def __init__(self):
        self.lines, self.row, self.column = [""], 0, 0
        self.is_plain, self.cursor_is_visible = True, True

    def show(self, text):
        position = 0
        while position < len(text):
            character = text[position]
            if character == "\x1b":
                match = self.sequence.match(text, position)
                if not match:
                    raise SystemExit(f"terminal.py: unknown sequence {text[position:position + 12]!r}")
                self.apply(match[1], match[2])
                position = match.end()
                continue
            if character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif character >= " ":
                self.put(character)
            position += 1

    def put(self, character):
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
        self.column += 1

    def apply(self, numbers, letter):
        if letter == "m":
            self.is_plain = numbers in ("", "0")
        elif letter == "K" and numbers in ("", "0"):
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "A" and numbers.isdigit():
            self.row = max(0, self.row - int(numbers))
        elif letter in "hl" and numbers == "?25":
            self.cursor_is_visible = letter == "h"
        else:
            raise SystemExit(f"terminal.py: unknown sequence ESC [ {numbers}{letter}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=1)
    moment = parser.add_mutually_exclusive_group(required=True)
    moment.add_argument("--at-text", type=re.compile)
    moment.add_argument("--at-file")
    parser.add_argument("--limit", type=float, default=60, help="seconds to wait for the moment, and for the end")
    parser.add_argument("program", nargs="+")
    return parser.parse_args()


def main():
    options = arguments()
    terminal, other_end = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    modes = termios.tcgetattr(other_end)
    # A session of its own, so that the program controls the terminal and receives Ctrl-C like a shell's child.
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(other_end, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(other_end, descriptor)
        os.closerange(3, 64)
        os.execvp(options.program[0], options.program)

    seen, pressed, status = b"", None, None
    deadline = time.monotonic() + options.limit
    while status is None and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.005)[0]:
            seen += os.read(terminal, 65536)
        if pressed is None:
            if options.at_text:
                text = seen.decode(errors="ignore")
                is_time = options.at_text.search(Screen.sequence.sub("", text)) is not None
            else:
                is_time = bool(glob.glob(options.at_file))
            if is_time:
                pressed = time.monotonic()
                deadline = pressed + options.limit
                for _ in range(options.presses):
                    os.write(terminal, CONTROL_C)
        ended, result = os.waitpid(child, os.WNOHANG)
        if ended:
            status = result
    now = time.monotonic()
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    while select.select([terminal], [], [], 0)[0]:
        seen += os.read(terminal, 65536)

    screen = Screen()
    screen.show(seen.decode())
    code = None if status is None else os.waitstatus_to_exitcode(status)
    print(json.dumps({
        "code": 128 - code if code is not None and code < 0 else code,
        "seconds": None if pressed is None else round(now - pressed, 3),
        "screen": [line.rstrip() for line in screen.lines],
        "isPlain": screen.is_plain,
        "cursorIsVisible": screen.cursor_is_visible,
        "modesAreKept": termios.tcgetattr(other_end) == modes,
    }))


main()
