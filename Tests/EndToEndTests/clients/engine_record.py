"""What an engine of dialect_fleet.py has seen, and how the clients that run programs start them."""

import collections
import json
import os
import pathlib
import subprocess
import tempfile
import urllib.request

from checks import expect

ENGINES = json.loads(os.environ["FLEET_ENGINES"])
BOOT = float(os.environ["FLEET_BOOT"])
GATEWAY = os.environ["SIMPLEAI_URL"]


def record(model="scripted"):
    with urllib.request.urlopen(f"{ENGINES[model]}/record", timeout=10) as response:
        return json.load(response)


def expect_each_once(requests, minimum):
    """Each logical request reached the engine exactly once, whatever the client repeated while the machine booted."""
    expect(len(requests) >= minimum, f"the engine saw {len(requests)} requests, expected at least {minimum}")
    refused = [request["refused"] for request in requests if "refused" in request]
    expect(not refused, f"the engine did not understand a request: {refused}")
    counts = collections.Counter(request["logical"] for request in requests)
    expect(set(counts.values()) == {1}, f"requests reached the engine more than once: {counts}")
    secrets = [request["headers"].get(name) for request in requests for name in ("authorization", "x-api-key", "api-key")]
    expect(not any(secrets), "the engine saw the caller's credentials")


def expect_one_wake():
    """The machine slept, was woken once, and booted for as long as it needs."""
    seen = record()
    expect(BOOT == 0 or seen["served_after"] >= BOOT, f"the machine served after {seen['served_after']} s")
    with urllib.request.urlopen(f"{GATEWAY}/metrics", timeout=10) as response:
        wakes = [line for line in response.read().decode().splitlines() if line.startswith("simpleai_wakes_total")]
    total = sum(float(line.split()[-1]) for line in wakes)
    expect(total == (1 if BOOT else 0), f"wakes: {wakes}")
    return f"booted for {seen['served_after']:.0f} s" if BOOT else None


def edit_a_file(old, new, command, environment):
    """Runs a coding agent with a HOME of its own; returns its output once it has edited the file.

    - Parameter command: gets the task, returns the program and its arguments.
    - Parameter environment: gets the HOME, returns the program's variables.
    """
    # Not in /tmp: Codex puts no helper programs there.
    with tempfile.TemporaryDirectory(prefix="simpleai-agent-", dir="/var/tmp") as folder:
        home, work = pathlib.Path(folder, "home"), pathlib.Path(folder, "work")
        home.mkdir(), work.mkdir()
        file = work / "colours.txt"
        file.write_text(f"{old}, green, blue\n")
        done = subprocess.run(
            command(f"Edit the file {file}: replace {old} with {new}"), cwd=work, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **environment(home)}, capture_output=True, text=True,
            timeout=BOOT + 120)
        expect(done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        expect(file.read_text() == f"{new}, green, blue\n", f"the file: {file.read_text()}; {done.stdout[-1500:]}")
        return done.stdout
