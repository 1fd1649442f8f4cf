"""The measurements. Each round measures all contestants one after the other, so that disturbances of the machine affect
all of them; the median of the rounds counts."""

import contextlib
import json
import re
import subprocess
import sys
import time

from contestants import AS_SHIPPED, Setup, peers, start_engine, start_nginx, start_simpleai
from processes import (LOAD_CORE, PROXY_CORE, cpu_seconds, fail, forget_cached_pages, free_port, on_cores,
                       resident_bytes, running, wait_until_it_answers)
from workload import PROMPT_REQUEST, REQUEST, STREAM_REQUEST

CONNECTIONS = 32
STREAMS, EVENTS, EVENT_SECONDS = 200, 100, 0.02
# The relative timing of the streams differs with every start, and with it an event's cost, by half and more. So each
# round starts several times, and measures for a shorter time after each start.
STREAM_STARTS, SHORTEST_SECONDS = 3, 2
IDLE_STREAMS, IDLE_EVENT_SECONDS = 5000, 10
SMALL_FLEET, LARGE_FLEET = (3, 3), (1000, 200)
WARM_SECONDS = 2
BOTH_CORES = (PROXY_CORE, LOAD_CORE)
# On the cores that the proxy uses, the load generator takes what the proxy leaves.
LOAD_NICENESS = 19


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# MARK: requests

class Wrk:
    """How wrk runs: its cores, with one thread for each, its priority, and the body that it posts."""

    def __init__(self, cores=(LOAD_CORE,), niceness=0, body=REQUEST):
        self.cores, self.niceness, self.body = cores, niceness, body

    def run(self, shop, url, seconds, pause=None):
        """One run: requests answered, and latencies in microseconds by percentile.

        pause: mean milliseconds between a response and the next request; None to send at once.
        """
        delay = "" if pause is None else f"function delay() return math.random(0, {round(2 * pause)}) end"
        script = shop.folder / "post.lua"
        script.write_text(f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {shop.token}"
wrk.body = {json.dumps(self.body)}
{delay}
function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout
  io.write(string.format("RESULT %d %d %f %f %f\\n", summary.requests, failed, summary.duration,
                         latency:percentile(50), latency:percentile(99)))
end
""")
        command = ["wrk", f"-t{len(self.cores)}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s",
                   script, f"{url}/v1/chat/completions"]
        output = subprocess.run(on_cores(self.cores, command, self.niceness), check=True, capture_output=True,
                                text=True).stdout
        found = re.search(r"^RESULT (\d+) (\d+) (\S+) (\S+) (\S+)$", output, re.MULTILINE)
        if not found or int(found[2]):
            fail(f"not every request was answered:\n{output}")
        return {"requests": int(found[1]), "seconds": float(found[3]) / 1e6, "p50": float(found[4]),
                "p99": float(found[5])}


CHATS = Wrk()


def request_cost(shop, contestant, seconds, load=CHATS):
    before = cpu_seconds(contestant.pid)
    result = load.run(shop, contestant.url, seconds)
    spent = cpu_seconds(contestant.pid) - before
    return {"cpu": spent / result["requests"] * 1e6, "rate": result["requests"] / result["seconds"],
            "memory": resident_bytes(contestant.pid)}


def start_all(shop, stack, engine, found, setup=AS_SHIPPED):
    contestants = [start(shop, stack, engine, setup) for _, start in peers(shop, found)]
    for contestant in contestants:
        wait_until_it_answers(contestant.url, shop.token, REQUEST)
    return contestants


def with_and_without_logs(part):
    """The names of a part's two rows, and how its contestants are started for each."""
    return [(part, AS_SHIPPED), (f"{part} without logs", Setup(logs=False))]


def measure_requests(shop, figures, options):
    """CPU time per request at full load, with access logs and without."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(shop, stack)
        rows = [(part, contestant) for part, setup in with_and_without_logs("requests")
                for contestant in start_all(shop, stack, engine, options.found, setup)]
        for _, contestant in rows:
            CHATS.run(shop, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for part, contestant in rows:
                figures.add(part, contestant.name, **request_cost(shop, contestant, options.seconds))


def measure_prompts(shop, figures, options):
    """CPU time per request with a prompt of 200 KB."""
    load = Wrk(body=PROMPT_REQUEST)
    with contextlib.ExitStack() as stack:
        contestants = start_all(shop, stack, start_engine(shop, stack), options.found)
        for contestant in contestants:
            load.run(shop, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for contestant in contestants:
                figures.add("prompts", contestant.name, **request_cost(shop, contestant, options.seconds, load))


def measure_cores(shop, figures, options):
    """CPU time per request on one core and on two, with as many event loops or workers; the load yields to the proxy."""
    load = Wrk(BOTH_CORES, LOAD_NICENESS)
    with contextlib.ExitStack() as stack:
        engine = start_engine(shop, stack)
        starts = [(name, start) for name, start in peers(shop, options.found) if name in ("nginx", "simpleai")]
        rows = [(f"cores {len(cores)}", start(shop, stack, engine, Setup(cores=cores)))
                for cores in ((PROXY_CORE,), BOTH_CORES) for _, start in starts]
        for _, contestant in rows:
            wait_until_it_answers(contestant.url, shop.token, REQUEST)
            load.run(shop, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for part, contestant in rows:
                figures.add(part, contestant.name, **request_cost(shop, contestant, options.seconds, load))


def pause_at_half_load(full):
    """Milliseconds from a response to the next request: the interval at half load, less the duration of a response."""
    return max(1.0, 2e3 * CONNECTIONS * full["seconds"] / full["requests"] - 0.5)


def measure_latency(shop, figures, options):
    """p50 and p99 at half of each contestant's capacity, minus the direct path at the same load."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(shop, stack)
        direct = f"http://127.0.0.1:{engine}"
        contestants = start_all(shop, stack, engine, options.found)
        pauses = {}
        for contestant in contestants:
            pauses[contestant.name] = pause_at_half_load(CHATS.run(shop, contestant.url, WARM_SECONDS))
        for _ in range(options.rounds):
            for contestant in contestants:
                through = CHATS.run(shop, contestant.url, options.seconds, pauses[contestant.name])
                without = CHATS.run(shop, direct, options.seconds, pauses[contestant.name])
                figures.add("latency", contestant.name, p50=through["p50"] - without["p50"],
                            p99=through["p99"] - without["p99"], rate=through["requests"] / through["seconds"],
                            direct_p99=without["p99"])


def measure_fleet(shop, figures, options):
    """CPU time per request and p99 at half load as the fleet grows, with a class that contains all models."""
    with contextlib.ExitStack() as stack:
        engine = start_engine(shop, stack)
        fleets = [(name, start_simpleai(shop, stack, engine, fleet=fleet))
                  for name, fleet in (("small", SMALL_FLEET), ("large", LARGE_FLEET))]
        for _, contestant in fleets:
            wait_until_it_answers(contestant.url, shop.token, REQUEST)
        time.sleep(1)  # every runner of a large fleet has been probed by now
        for _, contestant in fleets:  # the large one last: both are loaded with half of its capacity
            full = CHATS.run(shop, contestant.url, WARM_SECONDS)
        for _ in range(options.rounds):
            for name, contestant in fleets:
                cost = request_cost(shop, contestant, options.seconds)
                p99 = CHATS.run(shop, contestant.url, options.seconds, pause_at_half_load(full))["p99"]
                figures.add("fleet", name, **cost, p99=p99)


# MARK: streams

def program(name, *arguments):
    return [sys.executable, f"{__file__.rpartition('/')[0]}/{name}", *arguments]


def start_stream_engine(stack, events, interval):
    port = free_port()
    process = stack.enter_context(running(
        (LOAD_CORE,), program("stream_engine.py", "--port", port, "--events", events, "--interval", interval),
        stdout=subprocess.PIPE, text=True))
    if not process.stdout.readline():
        fail("the streaming upstream did not start")
    return port


class StreamLoad:
    def __init__(self, shop, stack, contestant, streams, ramp, messages=False):
        port = contestant.url.rpartition(":")[2]
        self.process = stack.enter_context(running(
            (LOAD_CORE,), program("stream_load.py", "--port", port, "--token", shop.token, "--streams", streams,
                                  "--ramp", ramp, *["--messages"] * messages),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        if self.process.stdout.readline() != "ready\n":
            fail(f"not every stream through {contestant.name} began")

    def events(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            fail("the clients of the streams gave up")
        return int(line.split()[0])


def measure_streams(shop, figures, options):
    """CPU time per relayed event, with all streams at different positions, with access logs and without."""
    with contextlib.ExitStack() as stack:
        engine = start_stream_engine(stack, EVENTS, EVENT_SECONDS)
        rows = [(part, start(shop, stack, engine, setup)) for part, setup in with_and_without_logs("streams")
                for _, start in peers(shop, options.found)]
        for _, contestant in rows:
            wait_until_it_answers(contestant.url, shop.token, STREAM_REQUEST)
        for _ in range(options.rounds * STREAM_STARTS):
            for part, contestant in rows:
                figures.add(part, contestant.name, **event_cost(shop, contestant, max(SHORTEST_SECONDS,
                                                                                      options.seconds / 2)))


def measure_translated(shop, figures, options):
    """CPU time per event of Anthropic's streams, translated from the upstream's; nginx relays the upstream's."""
    with contextlib.ExitStack() as stack:
        engine = start_stream_engine(stack, EVENTS, EVENT_SECONDS)
        rows = [(start_nginx(shop, stack, engine), False),
                (start_simpleai(shop, stack, engine, Setup(messages="translate")), True)]
        for contestant, _ in rows:
            wait_until_it_answers(contestant.url, shop.token, STREAM_REQUEST)
        for _ in range(options.rounds * STREAM_STARTS):
            for contestant, messages in rows:
                figures.add("translated", contestant.name,
                            **event_cost(shop, contestant, max(SHORTEST_SECONDS, options.seconds / 2), messages))


def event_cost(shop, contestant, seconds, messages=False):
    with contextlib.ExitStack() as stack:
        # As long as one stream, so that they end at different times, too.
        load = StreamLoad(shop, stack, contestant, STREAMS, EVENTS * EVENT_SECONDS, messages)
        time.sleep(0.5)
        before, cpu_before, began = load.events(), cpu_seconds(contestant.pid), time.monotonic()
        time.sleep(seconds)
        events, cpu = load.events() - before, cpu_seconds(contestant.pid) - cpu_before
        rate = events / (time.monotonic() - began)
    return {"cpu": cpu / events * 1e6, "rate": rate, "of_nominal": rate * EVENT_SECONDS / STREAMS}


def measure_idle(shop, figures, options):
    """Memory per open stream with occasional events."""
    streams = min(IDLE_STREAMS, (shop.open_files - 200) // 2)
    if streams < IDLE_STREAMS:
        note(f"only {streams} idle streams fit into the limit of open files ({shop.open_files}); "
             f"ulimit -n {2 * IDLE_STREAMS + 200}")
    for name, start in peers(shop, options.found):
        with contextlib.ExitStack() as stack:
            engine = start_stream_engine(stack, 1000, IDLE_EVENT_SECONDS)
            contestant = start(shop, stack, engine)
            time.sleep(1)
            before = resident_bytes(contestant.pid)
            load = StreamLoad(shop, stack, contestant, streams, 5)
            time.sleep(1.5 * IDLE_EVENT_SECONDS)
            load.events()
            figures.add("idle", name, per_stream=(resident_bytes(contestant.pid) - before) / streams, streams=streams)


# MARK: memory

def measure_memory(shop, figures, options):
    """Memory of each contestant before its first call."""
    forget_cached_pages(shop.binary)
    with contextlib.ExitStack() as stack:
        engine = start_engine(shop, stack)
        contestants = [start(shop, stack, engine) for _, start in peers(shop, options.found)]
        time.sleep(2)
        for contestant in contestants:
            figures.add("memory", contestant.name, memory=resident_bytes(contestant.pid))


PARTS = {"requests": measure_requests, "streams": measure_streams, "translated": measure_translated,
         "latency": measure_latency, "prompts": measure_prompts, "cores": measure_cores, "fleet": measure_fleet,
         "idle": measure_idle, "memory": measure_memory}
