"""The words of the scripted engine: what a conversation consists of, and what a turn of the model consists of."""

import dataclasses
import json
import re
import uuid


# What Claude Code adds to a user's words, and to tools' results.
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


class Refused(Exception):
    """The engine does not understand the request: 400."""

    def __init__(self, message, kind="invalid_request_error"):
        super().__init__(message)
        self.kind = kind


@dataclasses.dataclass
class Text:
    text: str


@dataclasses.dataclass
class Thought:
    text: str


@dataclasses.dataclass
class ToolCall:
    name: str
    arguments: dict


@dataclasses.dataclass
class Conversation:
    prompt: str = ""  # all that the user said last, after which only tools have spoken
    results: list = dataclasses.field(default_factory=list)  # the tools' results since then
    pictures: int = 0
    tools: dict = dataclasses.field(default_factory=dict)  # name: schema of the parameters
    everything: list = dataclasses.field(default_factory=list)

    def user(self, text):
        said = REMINDER.sub("", text).strip()
        if said:
            self.prompt, self.results = said, []
        self.everything.append(["user", text])

    def result(self, text):
        self.results.append(text)
        self.everything.append(["tool", text])

    def assistant(self, text):
        self.everything.append(["assistant", text])

    def tool(self, name, schema):
        require(isinstance(name, str) and re.fullmatch(r"[\w.:-]{1,128}", name), f"tool name {name!r}")
        require(isinstance(schema, dict), f"the parameters of {name!r} are no schema")
        self.tools[name] = schema


def require(condition, what):
    if not condition:
        raise Refused(what)


def only(value, keys, where):
    """Refuses members that this API does not have: the rest of an incomplete translation."""
    require(isinstance(value, dict), f"{where} is no object")
    unknown = sorted(value.keys() - set(keys))
    require(not unknown, f"unknown fields in {where}: {', '.join(unknown)}")


def new_id(prefix):
    """Clients take two messages, or two calls, with the same id for one."""
    return prefix + uuid.uuid4().hex[:12]


def pieces(text, size=7):
    return [text[start:start + size] for start in range(0, len(text), size)]


def sse(data, event=None):
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"
