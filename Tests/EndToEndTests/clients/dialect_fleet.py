#!/usr/bin/env python3
"""Runs a command against a gateway in front of engines of every kind, then stops all processes again.

    dialect_fleet.py [--binary …] [--boot SECONDS] [--serves chat …] --engines scripted voice llama -- COMMAND [ARGUMENT …]

    scripted    scripted_engine.py: the model `scripted`, in the classes `fast` and `big`
    voice       espeak_engine.py (`espeak`) and pocketsphinx_engine.py (`pocketsphinx`), in the classes `speech` and `hearing`
    pictures    picture_engine.py (`pictures`), in the class `pictures`
    llama       scripts/real-engine: llama.cpp with `smollm2:135m`, through its own `/v1/messages`; as `smollm2:135m-translated`
                through its chat completions
    vectors     scripts/real-engine --embeddings and --reranking: llama.cpp with `all-minilm` and `reranker`

With `--boot`, the machines of all but llama.cpp sleep until a call wakes them. The environment of the command is that of
scripts/real-fleet; in addition it contains FLEET_ENGINES, a JSON object of the engines' own URLs by model, and GATEWAY_PID.
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

CLIENTS = pathlib.Path(__file__).resolve().parent
ROOT = pathlib.Path(os.environ.get("REPOSITORY", CLIENTS.parent.parent.parent))
CLASSES = {"scripted": ["fast", "big"], "espeak": ["speech"], "pocketsphinx": ["hearing"], "pictures": ["pictures"], "smollm2:135m": ["small"],
           "all-minilm": ["vectors"], "reranker": ["rerankers"]}

loader = importlib.machinery.SourceFileLoader("real_fleet", str(ROOT / "scripts/real-fleet"))
real_fleet = importlib.util.module_from_spec(importlib.util.spec_from_loader("real_fleet", loader))
sys.dont_write_bytecode = True
loader.exec_module(real_fleet)


def interpreter(environment):
    return ROOT / ".venv-clients" / environment / "bin/python"


def programs(options):
    """The command of each engine, by its model."""
    boot = ["--boot", str(options.boot)] if options.boot is not None else []
    commands = {}
    if "scripted" in options.engines:
        commands["scripted"] = [sys.executable, CLIENTS / "scripted_engine.py", *boot, "--serves", *options.serves,
                                *(["--keep-bodies"] if options.keep_bodies else [])]
    if "voice" in options.engines:
        for name in ("espeak", "pocketsphinx"):
            commands[name] = [interpreter("voice"), CLIENTS / f"{name}_engine.py", *boot]
    if "pictures" in options.engines:
        commands["pictures"] = [sys.executable, CLIENTS / "picture_engine.py", *boot]
    if "llama" in options.engines:
        commands["smollm2:135m"] = [ROOT / "scripts/real-engine", "--slots", "2", "--context", "4096"]
    if "vectors" in options.engines:
        commands["all-minilm"] = [ROOT / "scripts/real-engine", "--embeddings", "--slots", "1"]
        commands["reranker"] = [ROOT / "scripts/real-engine", "--reranking", "--slots", "1", "--model", "reranker"]
    return commands


def runner(model, ready, options):
    entry = {"id": f"machine-{model.replace(':', '-')}", "url": ready["url"], "models": [model], "slots": options.slots,
             "probe": {"every": "1s", "timeout": "1s"}}
    if "pid" in ready and ready["pid"] and options.boot is not None:
        entry["wake"] = {"command": ["kill", "-USR1", str(ready["pid"])]}
    return entry


def runners(engines, options):
    entries = [runner(model, ready, options) for model, ready in engines.items()]
    if "smollm2:135m" in engines:
        native = next(entry for entry in entries if entry["models"] == ["smollm2:135m"])
        translated = {**native, "id": f"{native['id']}-translated", "models": ["smollm2:135m-translated"],
                      "aliases": {"smollm2:135m-translated": "smollm2:135m"}, "endpoints": ["chat/completions"]}
        entries.append(translated)
    return entries


def write_settings(directory, engines, options):
    issuer = json.loads((directory / "token-key.json").read_text())
    classes = {}
    for model in engines:
        for name in CLASSES[model]:
            classes[name] = [model]
    settings = {
        "server": {"port": 0, "drain": "5s"},
        "auth": {"issuers": [{"issuer": issuer["issuer"], "audience": issuer["audience"],
                              "jwks_file": f"{directory}/jwks.json"}]},
        "classes": classes, "default_class": next(iter(classes)),
        "runners": runners(engines, options),
        "routing": {"queue": {"timeout": "30s"}},
        "fleet": {"state_file": f"{directory}/state.json"}, "keys": {"database": f"{directory}/keys.db"},
        "log": {"level": "debug"},
    }
    for text in options.settings:
        settings |= json.loads(text)
    file = directory / "simpleai.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    return file


def wait_for_states(url, token, wanted):
    """Waits until the gateway knows each machine's state."""
    request = urllib.request.Request(f"{url}/admin/api/fleet", headers={"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(request, timeout=10) as response:
            states = {machine["id"]: machine["state"] for machine in json.load(response)["runners"]}
        if all(states[machine] in accepted for machine, accepted in wanted.items()):
            return
        if time.monotonic() > deadline:
            raise real_fleet.FleetError(f"the machines' states: {states}; wanted: {wanted}")
        time.sleep(0.1)


def run(binary, options):
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simpleai-dialects-")))
        log = stack.enter_context(open(directory / "engines.log", "w+b"))
        gateway_log = stack.enter_context(open(options.log or directory / "gateway.log", "w+b"))
        engines = {}
        for model, command in programs(options).items():
            ready = stack.enter_context(real_fleet.server(command, log))
            engines[model] = ready["engines"][0] | {"pid": None} if "engines" in ready else ready
        real_fleet.output_of(binary, "token", "init", "--directory", str(directory))
        key = str(directory / "token-key.pem")
        tokens = {role: real_fleet.output_of(binary, "token", "--user", role.lower(), *arguments, SIMPLEAI_TOKEN_KEY=key)
                  for role, arguments in real_fleet.ROLES.items()}
        settings = write_settings(directory, engines, options)
        gateway = stack.enter_context(real_fleet.server(
            [binary, "serve", "--config", settings, "--json"], gateway_log))
        wait_for_states(gateway["url"], tokens["ADMIN"], {
            entry["id"]: ("asleep",) if "wake" in entry else ("ready",)
            for entry in runners(engines, options)})
        variables = {
            "SIMPLEAI_URL": gateway["url"], "SIMPLEAI_TOKEN_KEY": key, "SIMPLEAI_BIN": str(binary),
            "FLEET_ENGINES": json.dumps({model: ready["url"] for model, ready in engines.items()}),
            "REAL_FLEET_LOG": gateway_log.name, "FLEET_BOOT": str(options.boot or 0),
            "GATEWAY_PID": gateway_pid(settings),
        } | {f"REAL_FLEET_{role}": token for role, token in tokens.items()}
        return subprocess.run(options.command, env=os.environ | variables).returncode


def gateway_pid(settings):
    """The process that was started with these settings (Linux)."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(settings).encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return folder.name
    return ""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--binary", type=pathlib.Path, help="the simpleai binary (default: the latest build)")
    parser.add_argument("--engines", nargs="+", default=["scripted"], choices=["scripted", "voice", "pictures", "llama", "vectors"])
    parser.add_argument("--boot", type=float, help="machines sleep, and need these seconds to boot")
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--serves", nargs="+", default=["chat", "responses", "messages"], help="of the scripted engine")
    parser.add_argument("--keep-bodies", action="store_true", help="of the scripted engine")
    parser.add_argument("--settings", action="append", default=[], help="sections of the settings in JSON, which replace others")
    parser.add_argument("--log", type=pathlib.Path, help="a file to keep the gateway's log in")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run, after `--`")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(run((options.binary or real_fleet.default_binary()).resolve(), options))
    except real_fleet.FleetError as problem:
        sys.exit(f"dialect-fleet: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
