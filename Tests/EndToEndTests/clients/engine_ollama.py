"""Ollama's chat and generate of the scripted engine: one JSON document per line."""

import json

from engine_script import Conversation, Text, Thought, ToolCall, pieces, require

NAME = "ollama"
MEDIA_TYPE = "application/x-ndjson"
CREATED = "2026-11-01T00:00:00.000000Z"


def error(message, kind):
    return {"error": message}


def streams(body):
    return body.get("stream") is not False


def read(body):
    conversation = Conversation()
    for tool in body.get("tools") or []:
        conversation.tool(tool["function"]["name"], tool["function"].get("parameters") or {})
    if "prompt" in body:
        require(isinstance(body["prompt"], str), "prompt is no text")
        conversation.pictures += len(body.get("images") or [])
        conversation.user(body["prompt"])
    for number, message in enumerate(body.get("messages") or []):
        text = message.get("content") or ""
        require(isinstance(text, str), f"messages[{number}].content is no text")
        conversation.pictures += len(message.get("images") or [])
        if message["role"] == "user":
            conversation.user(text)
        elif message["role"] == "tool":
            conversation.result(text)
        elif message["role"] == "assistant":
            for call in message.get("tool_calls") or []:
                require(isinstance(call["function"]["arguments"], dict), "a tool call's arguments are no object")
            conversation.assistant(text)
    return conversation


class Writer:
    def __init__(self, body):
        self.is_chat = "messages" in body
        self.prompt_tokens, self.completion_tokens = len(json.dumps(body)) // 4, 0

    def answer(self, text="", thinking=None, calls=None, **end):
        fields = {"model": "scripted", "created_at": CREATED, "done": bool(end), **end}
        more = {"thinking": thinking} if thinking else {}
        if not self.is_chat:
            return {**fields, "response": text, **more}
        if calls:
            more["tool_calls"] = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
        return {**fields, "message": {"role": "assistant", "content": text, **more}}

    def end(self):
        return {"done": True, "done_reason": "stop", "total_duration": 5_000_000, "load_duration": 1_000_000,
                "prompt_eval_count": self.prompt_tokens, "prompt_eval_duration": 1_000_000,
                "eval_count": self.completion_tokens, "eval_duration": 3_000_000}

    def document(self, turn):
        self.completion_tokens = 5 * len(turn)
        return self.answer("".join(part.text for part in turn if isinstance(part, Text)),
                           "".join(part.text for part in turn if isinstance(part, Thought)),
                           [part for part in turn if isinstance(part, ToolCall)], **self.end())

    @staticmethod
    def line(document):
        return json.dumps(document).encode() + b"\n"

    def start(self):
        return iter(())

    def text(self, text):
        self.completion_tokens += 1
        yield self.line(self.answer(text))

    def events(self, turn):
        for part in turn:
            if isinstance(part, Text):
                for piece in pieces(part.text):
                    yield from self.text(piece)
            elif isinstance(part, Thought):
                for piece in pieces(part.text):
                    self.completion_tokens += 1
                    yield self.line(self.answer(thinking=piece))
            else:
                self.completion_tokens += 1
                yield self.line(self.answer(calls=[part]))
        yield self.line(self.answer(**self.end()))
