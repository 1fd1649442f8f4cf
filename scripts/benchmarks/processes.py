"""Starting the contestants, each on its core, and reading the kernel's accounting of them."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def fail(message):
    sys.exit(f"bench: {message}")


def two_cores():
    """The core of the process under test, and the core that load and upstream share."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        fail("needs two cores, one for the proxy and one for the load")
    return cores[0], cores[1]


PROXY_CORE, LOAD_CORE = two_cores()


def on_cores(cores, command, niceness=0):
    nice = ["nice", "-n", str(niceness)] if niceness else []
    return [*nice, "taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


@contextlib.contextmanager
def running(cores, command, **options):
    process = subprocess.Popen(on_cores(cores, command), stdin=options.pop("stdin", subprocess.DEVNULL), **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def family(pid):
    """A process and its children: nginx and HAProxy do their work in a child."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *map(int, children)]


def cpu_seconds(pid):
    """CPU time (user and system) of a process, its threads and its children, to the nanosecond."""
    spent = sum(int(task.read_text().split()[0])
                for member in family(pid) for task in pathlib.Path(f"/proc/{member}/task").glob("*/schedstat"))
    return spent / 1e9


def resident_bytes(pid):
    pages = sum(int(pathlib.Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def forget_cached_pages(path):
    """Makes the kernel read a program anew. How much of a file it maps around each page that a process touches depends on
    how the file came into its cache: a program that was just written counts with 3 MB more."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def wait_until_it_answers(url, token, body):
    """Waits until a complete response has passed through: the gateway probes a runner first."""
    deadline = time.monotonic() + 30
    request = urllib.request.Request(f"{url}/v1/chat/completions", data=body.encode(), headers={
        "Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return response.read()
        except (urllib.error.URLError, ConnectionError) as problem:
            if time.monotonic() > deadline:
                fail(f"{url} does not answer: {problem}")
            time.sleep(0.1)
