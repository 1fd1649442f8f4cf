"""Runs a program in a terminal of its own and answers its questions, in order.

    dialogue.py '[["PATTERN", "ANSWER"], …]' PROGRAM ARGUMENT…

Each answer is sent when the output since the previous one matches its pattern. An answer of null ends the input (Ctrl-D). Prints the output, and exits with the
program's exit code; with 99 if a question did not appear.
"""

import json
import os
import pty
import re
import select
import sys
import time

SECONDS = 60


def main():
    answers = json.loads(sys.argv[1])
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.argv[2], sys.argv[2:])
    output, start, deadline = "", 0, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        output += piece.decode(errors="replace")
        if answers and re.search(answers[0][0], output[start:]):
            start = len(output)
            answer = answers.pop(0)[1]
            # At the beginning of a line, Ctrl-D ends the input.
            os.write(terminal, b"\x04" if answer is None else (answer + "\n").encode())
    print(output.replace("\r\n", "\n"))
    status = os.waitpid(process, 0)[1]
    sys.exit(99 if answers else os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
