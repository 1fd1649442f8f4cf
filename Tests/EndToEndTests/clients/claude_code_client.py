"""Claude Code, as it is in the wheel `claude-agent-sdk`, finishes a task: run by DialectClientTests on a dialect fleet."""

import importlib.util
import json
import pathlib
import subprocess

from checks import check, expect, key, run
from engine_record import GATEWAY, edit_a_file, expect_each_once, expect_one_wake, record

PROGRAM = pathlib.Path(importlib.util.find_spec("claude_agent_sdk").origin).parent / "_bundled/claude"


def variables(home):
    return {
        "ANTHROPIC_BASE_URL": GATEWAY, "ANTHROPIC_AUTH_TOKEN": key("BASIC"), "ANTHROPIC_MODEL": "class:big",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "class:fast", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }


def command(task):
    return [PROGRAM, "-p", task, "--output-format", "json", "--permission-mode", "acceptEdits", "--allowedTools", "Read,Edit"]


@check
def edits_a_file_with_its_tools():
    output = edit_a_file("red", "orange", command, variables)
    result = json.loads(output[output.index("{"):])
    expect(result["subtype"] == "success" and result["result"] == "Done.", f"the result: {output}")
    expect(result["usage"]["output_tokens"] > 0, f"no usage: {result['usage']}")
    # A question, the result of Read, the result of Edit.
    calls = [request for request in record()["requests"] if request["status"] != 404]
    expect_each_once(calls, 3)
    paths = sorted({call["path"] for call in calls})
    return f"{len(calls)} calls of {', '.join(paths)}"


@check
def wakes_the_machine_once():
    return expect_one_wake()


run(f"Claude Code {subprocess.run([PROGRAM, '--version'], capture_output=True, text=True).stdout.strip()}")
