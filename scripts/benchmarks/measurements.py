"""The measurements. Each round measures all contestants one after the other, so that disturbances of the machine affect
all of them; the median of the rounds counts."""

import contextlib
import json
import re
import subprocess
import sys
import time

from contestants import peers, start_engine, start_nginx, start_simpleai
from processes import (LOAD_CORE, cpu_seconds, fail, free_port, on_core, resident_bytes, running,
                       wait_until_ready)
from workload import REQUEST, STREAM_REQUEST

CONNECTIONS = 32
STREAMS, EVENTS, EVENT_SECONDS = 200, 100, 0.02
# The relative timing of the streams differs from start to start and changes an event's cost by half or more. So each
# round starts the streams several times, and measures for a shorter time after each start.
STREAM_STARTS, SHORTEST_SECONDS = 3, 2
IDLE_STREAMS, IDLE_EVENT_SECONDS = 5000, 10
SMALL_FLEET, LARGE_FLEET = (3, 3), (1000, 200)
WARM_SECONDS = 2


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# MARK: requests

def wrk(run, url, seconds, pause=None):
    """Runs wrk once; returns the number of completed requests, and latencies in microseconds by percentile.

    pause: mean milliseconds between a response and the next request; None for no pause.
    """
    delay = "" if pause is None else f"function delay() return math.random(0, {round(2 * pause)}) end"
    script = run.folder / "post.lua"
    script.write_text(f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {run.token}"
wrk.body = {json.dumps(REQUEST)}
{delay}
function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout
  io.write(string.format("RESULT %d %d %f %f %f\\n", summary.requests, failed, summary.duration,
                         latency:percentile(50), latency:percentile(99)))
end
""")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", script,
               f"{url}/v1/chat/completions"]
    output = subprocess.run(on_core(LOAD_CORE, command), check=True, capture_output=True, text=True).stdout
    found = re.search(r"^RESULT (\d+) (\d+) (\S+) (\S+) (\S+)$", output, re.MULTILINE)
    if not found or int(found[2]):
        fail(f"some requests got no response:\n{output}")
    return {"requests": int(found[1]), "seconds": float(found[3]) / 1e6, "p50": float(found[4]),
            "p99": float(found[5])}


def request_cost(run, contestant, seconds):
    before = cpu_seconds(contestant.pid)
    result = wrk(run, contestant.url, seconds)
    spent = cpu_seconds(contestant.pid) - before
    return {"cpu": spent / result["requests"] * 1e6, "rate": result["requests"] / result["seconds"],
            "memory": resident_bytes(contestant.pid)}


def start_all(run, stack, engine, found):
    contestants = [start(run, stack, engine) for _, start in peers(run, found)]
    for contestant in contestants:
        wait_until_ready(contestant.url, run.token, REQUEST)
    return contestants


def measure_requests(run, figures, options):
    """CPU time per request at full load."""
    with contextlib.ExitStack() as stack:
        contestants = start_all(run, stack, start_engine(run, stack), options.found)
        for contestant in contestants:
            wrk(run, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for contestant in contestants:
                figures.add("requests", contestant.name, **request_cost(run, contestant, options.seconds))


def pause_at_half_load(full):
    """Milliseconds from a response to the next request: the interval at half load, less the duration of a response."""
    return max(1.0, 2e3 * CONNECTIONS * full["seconds"] / full["requests"] - 0.5)


def measure_latency(run, figures, options):
    """p50 and p99 at half of each contestant's capacity, minus the direct path at the same load."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(run, stack)
        direct = f"http://127.0.0.1:{engine}"
        contestants = start_all(run, stack, engine, options.found)
        pauses = {}
        for contestant in contestants:
            pauses[contestant.name] = pause_at_half_load(wrk(run, contestant.url, WARM_SECONDS))
        for _ in range(options.rounds):
            for contestant in contestants:
                through = wrk(run, contestant.url, options.seconds, pauses[contestant.name])
                without = wrk(run, direct, options.seconds, pauses[contestant.name])
                figures.add("latency", contestant.name, p50=through["p50"] - without["p50"],
                            p99=through["p99"] - without["p99"], rate=through["requests"] / through["seconds"],
                            direct_p99=without["p99"])


def measure_fleet(run, figures, options):
    """CPU time per request and p99 at half load as the fleet grows, with a class that contains all models."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(run, stack)
        fleets = [(name, start_simpleai(run, stack, engine, fleet))
                  for name, fleet in (("small", SMALL_FLEET), ("large", LARGE_FLEET))]
        for _, contestant in fleets:
            wait_until_ready(contestant.url, run.token, REQUEST)
        time.sleep(1)  # every runner of a large fleet has been probed by now
        for _, contestant in fleets:  # the large fleet last: half of its capacity is the load of both
            full = wrk(run, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for name, contestant in fleets:
                cost = request_cost(run, contestant, options.seconds)
                p99 = wrk(run, contestant.url, options.seconds, pause_at_half_load(full))["p99"]
                figures.add("fleet", name, **cost, p99=p99)


# MARK: streams

def program(name, *arguments):
    return [sys.executable, f"{__file__.rpartition('/')[0]}/{name}", *arguments]


def start_stream_engine(stack, events, interval):
    port = free_port()
    process = stack.enter_context(running(
        LOAD_CORE, program("stream_engine.py", "--port", port, "--events", events, "--interval", interval),
        stdout=subprocess.PIPE, text=True))
    if not process.stdout.readline():
        fail("the streaming upstream did not start")
    return port


class StreamLoad:
    def __init__(self, run, stack, contestant, streams, ramp):
        port = contestant.url.rpartition(":")[2]
        self.process = stack.enter_context(running(
            LOAD_CORE, program("stream_load.py", "--port", port, "--token", run.token, "--streams", streams,
                               "--ramp", ramp),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        if self.process.stdout.readline() != "ready\n":
            fail(f"not every stream through {contestant.name} began")

    def events(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            fail("the streaming clients exited")
        return int(line.split()[0])


def measure_streams(run, figures, options):
    """CPU time per relayed event, with all streams at different positions."""
    with contextlib.ExitStack() as stack:
        engine = start_stream_engine(stack, EVENTS, EVENT_SECONDS)
        contestants = [start(run, stack, engine) for _, start in peers(run, options.found)]
        for contestant in contestants:
            wait_until_ready(contestant.url, run.token, STREAM_REQUEST)
        seconds = max(SHORTEST_SECONDS, options.seconds / 2)
        for _ in range(options.rounds * STREAM_STARTS):
            for contestant in contestants:
                with contextlib.ExitStack() as round_stack:
                    # The ramp takes as long as one stream, so that the streams also end at different times.
                    load = StreamLoad(run, round_stack, contestant, STREAMS, EVENTS * EVENT_SECONDS)
                    time.sleep(0.5)
                    before, cpu_before, began = load.events(), cpu_seconds(contestant.pid), time.monotonic()
                    time.sleep(seconds)
                    events, cpu = load.events() - before, cpu_seconds(contestant.pid) - cpu_before
                    rate = events / (time.monotonic() - began)
                figures.add("streams", contestant.name, cpu=cpu / events * 1e6, rate=rate,
                            of_nominal=rate * EVENT_SECONDS / STREAMS)


def measure_idle(run, figures, options):
    """Memory per open stream with occasional events."""
    streams = min(IDLE_STREAMS, (run.open_files - 200) // 2)
    if streams < IDLE_STREAMS:
        note(f"only {streams} idle streams fit into the limit of open files ({run.open_files}); "
             f"ulimit -n {2 * IDLE_STREAMS + 200}")
    for name, start in peers(run, options.found):
        with contextlib.ExitStack() as stack:
            engine = start_stream_engine(stack, 1000, IDLE_EVENT_SECONDS)
            contestant = start(run, stack, engine)
            time.sleep(1)
            before = resident_bytes(contestant.pid)
            load = StreamLoad(run, stack, contestant, streams, 5)
            time.sleep(1.5 * IDLE_EVENT_SECONDS)
            load.events()
            figures.add("idle", name, per_stream=(resident_bytes(contestant.pid) - before) / streams, streams=streams)


# MARK: memory

def measure_memory(run, figures, options):
    """Memory of each contestant before its first call."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(run, stack)
        contestants = [start(run, stack, engine) for _, start in peers(run, options.found)]
        time.sleep(2)
        for contestant in contestants:
            figures.add("memory", contestant.name, memory=resident_bytes(contestant.pid))


PARTS = {"requests": measure_requests, "streams": measure_streams, "latency": measure_latency,
         "fleet": measure_fleet, "idle": measure_idle, "memory": measure_memory}
