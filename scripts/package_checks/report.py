"""The outcome of each check: passed, failed with the reason, or skipped because this machine lacks something."""

import select
import subprocess
import sys
import time


class Failed(Exception):
    """A check does not hold."""


class Skipped(Exception):
    """This machine cannot perform a check."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


def run(*command, ok=(0,), **options):
    """Runs a command to its end and returns it with its output as text; fails for any other exit code than those of `ok`."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    result = subprocess.run([str(part) for part in command], **options)
    if ok is not None and result.returncode not in ok:
        raise Failed(f"{' '.join(map(str, command))}: exit code {result.returncode}\n{(result.stdout or '')[-3000:]}")
    return result


def first_line(process, log, seconds=90):
    """The line that a started program prints when it is ready; fails with its log if it ends or takes too long."""
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if readable else ""
    if not line.startswith("{"):
        process.kill()
        process.wait()
        log.seek(0)
        raise Failed(f"{process.args}: not ready {'after ' + str(seconds) + ' s' if not readable else 'when it ended'}:\n{log.read()[-2000:]}")
    return line


class Report:
    def __init__(self, selected):
        self.selected = selected
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def check(self, title, action, *arguments):
        """Performs one check, unless another was selected by its title."""
        if self.selected and not any(part.lower() in title.lower() for part in self.selected):
            return
        started = time.monotonic()
        try:
            detail = action(*arguments) or ""
            outcome = "passed"
        except Skipped as error:
            outcome, detail = "skipped", str(error)
        except Failed as error:
            outcome, detail = "failed", str(error)
        except Exception as error:  # noqa: BLE001 - a check fails, whatever went wrong in it
            outcome, detail = "failed", f"{type(error).__name__}: {error}"
        self.counts[outcome] += 1
        detail = detail if len(detail) < 2000 else f"{detail[:1500]} …"
        print(f"{outcome.upper():7} {title} ({time.monotonic() - started:.1f} s)" + (f": {detail}" if detail else ""), flush=True)

    def finish(self):
        counts = self.counts
        if counts["skipped"]:
            print(f"test-packages: {counts['skipped']} checks were skipped; the lines above state what this machine lacks", file=sys.stderr)
        print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)
        return 1 if counts["failed"] or not counts["passed"] else 0
