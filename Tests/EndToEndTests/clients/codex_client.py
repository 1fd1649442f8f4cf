"""Codex, as it is in the wheel `openai-codex-cli-bin`, finishes a task: run by DialectClientTests on a dialect fleet."""

import importlib.util
import pathlib
import subprocess
import urllib.request

from checks import BASE_URL, check, expect, key, run
from engine_record import edit_a_file, expect_each_once, expect_one_wake, record

PROGRAM = pathlib.Path(importlib.util.find_spec("codex_cli_bin").origin).parent / "bin/codex"
SETTINGS = f"""\
model = "class:big"
model_provider = "simpleai"
[model_providers.simpleai]
name = "SimpleAI"
base_url = "{BASE_URL}"
env_key = "SIMPLEAI_TOKEN"
wire_api = "responses"
"""


def variables(home, catalog=None):
    folder = home / ".codex"
    folder.mkdir()
    settings = SETTINGS
    if catalog:
        (folder / "models.json").write_bytes(catalog)
        settings = f'model_catalog_json = "{folder}/models.json"\n' + SETTINGS
    (folder / "config.toml").write_text(settings)
    return {"SIMPLEAI_TOKEN": key("BASIC")}


def command(task):
    # The sandbox needs rights that a container lacks.
    return [PROGRAM, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", task]


@check
def edits_a_file_with_its_tools():
    output = edit_a_file("red", "orange", command, variables)
    expect(output.strip().endswith("Done."), f"the output: {output}")
    # A question, the result of the command.
    calls = record()["requests"]
    expect_each_once(calls, 2)
    return f"{len(calls)} calls"


@check
def wakes_the_machine_once():
    return expect_one_wake()


@check
def takes_the_list_of_models_as_its_catalog():
    request = urllib.request.Request(f"{BASE_URL}/models", headers={"Authorization": f"Bearer {key('BASIC')}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        catalog = response.read()
    edit_a_file("blue", "violet", command, lambda home: variables(home, catalog))
    expect_each_once(record()["requests"], 4)


run(subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.strip())
