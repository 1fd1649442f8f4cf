"""The gateway as the command `llm` uses it: run by RealClientTests on a real fleet."""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import llm
import openai

from checks import BASE_URL, MODEL, QUESTION, check, expect, expect_error, key, run

HOME = tempfile.TemporaryDirectory()

# As in its manual: models of other servers with OpenAI's protocol.
SETTINGS = "".join(
    f"- model_id: {name}\n  model_name: \"{model}\"\n  api_base: \"{BASE_URL}\"\n  api_key_name: {token}\n"
    for name, model, token in [("fast", "class:fast", "basic"), ("exact", MODEL, "basic"), ("invalid", "class:fast", "bad")])
pathlib.Path(HOME.name, "extra-openai-models.yaml").write_text(SETTINGS)
pathlib.Path(HOME.name, "keys.json").write_text(json.dumps({"basic": key("BASIC"), "bad": "no-such-token"}))
os.environ["LLM_USER_PATH"] = HOME.name


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "llm", *arguments], capture_output=True, text=True, timeout=120)


@check
def chats():
    done = command("prompt", "-m", "fast", "--no-stream", "--no-log", "-o", "max_tokens", "16", QUESTION)
    expect(done.returncode == 0 and done.stdout.strip(), f"exit code {done.returncode}: {done.stdout}{done.stderr}")


@check
def streams():
    done = command("prompt", "-m", "fast", "--no-log", "--usage", "-o", "max_tokens", "16", QUESTION)
    expect(done.returncode == 0 and done.stdout.strip(), f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    expect("output" in done.stderr, f"no usage: {done.stderr}")


@check
def streams_in_pieces():
    pieces = list(llm.get_model("fast").prompt(QUESTION, max_tokens=16, stream=True))
    expect(len(pieces) > 2 and "".join(pieces), f"{len(pieces)} pieces are no stream")


@check
def says_what_is_refused():
    done = command("prompt", "-m", "exact", "--no-log", QUESTION)
    expect(done.returncode != 0, "no error")
    expect("Permission denied" in done.stderr, f"the reason is missing: {done.stderr}")
    done = command("prompt", "-m", "invalid", "--no-log", QUESTION)
    expect(done.returncode != 0 and "401" in done.stderr, f"the reason is missing: {done.stderr}")


@check
def raises_typed_errors():
    with expect_error(openai.PermissionDeniedError, 403, "permission_denied"):
        llm.get_model("exact").prompt(QUESTION, stream=False).text()
    with expect_error(openai.AuthenticationError, 401, "invalid_api_key"):
        list(llm.get_model("invalid").prompt(QUESTION, stream=True))


run(f"llm {importlib.metadata.version('llm')}")
