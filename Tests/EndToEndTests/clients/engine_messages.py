"""Anthropic Messages of the scripted engine."""

import json

from engine_script import Conversation, Text, Thought, ToolCall, new_id, pieces, require, sse

NAME = "messages"


def error(message, kind):
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def read(body):
    conversation, open_calls = Conversation(), set()
    require(isinstance(body.get("max_tokens"), int), "max_tokens is missing")
    for tool in body.get("tools") or []:
        if "input_schema" in tool:
            conversation.tool(tool.get("name"), tool["input_schema"])
    for number, message in enumerate(body.get("messages") or []):
        role = message.get("role")
        require(role in ("user", "assistant", "system"), f"messages[{number}].role is {role!r}")
        texts, results = [], []
        for block in blocks(message["content"]):
            if block["type"] == "text":
                texts.append(block["text"])
            elif block["type"] == "tool_use":
                open_calls.add(block["id"])
            elif block["type"] == "tool_result":
                require(block["tool_use_id"] in open_calls, f"tool_use_id {block['tool_use_id']!r}")
                open_calls.remove(block["tool_use_id"])
                results.append("\n".join(part["text"] for part in blocks(block.get("content") or "") if part["type"] == "text"))
            elif block["type"] == "image":
                conversation.pictures += 1
        if role == "assistant":
            conversation.assistant("\n".join(texts))
        elif role == "user":
            for result in results:
                conversation.result(result)
            if texts and not results:
                conversation.user("\n".join(texts))
    require(not open_calls, "the last tool_use blocks have no tool_result")
    return conversation


class Writer:
    def __init__(self, body):
        self.id = new_id("msg_")
        self.input_tokens, self.output_tokens = len(json.dumps(body)) // 4, 0
        self.block = -1

    def usage(self):
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens, "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 0}

    def message(self, content, stop_reason):
        return {"id": self.id, "type": "message", "role": "assistant", "model": "scripted", "content": content,
                "stop_reason": stop_reason, "stop_sequence": None, "usage": self.usage()}

    @staticmethod
    def reason(turn):
        return "tool_use" if any(isinstance(part, ToolCall) for part in turn) else "end_turn"

    @staticmethod
    def block_of(part):
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Thought):
            return {"type": "thinking", "thinking": part.text, "signature": "c2lnbmVk"}
        return {"type": "tool_use", "id": new_id("toolu_"), "name": part.name, "input": part.arguments}

    def document(self, turn):
        self.output_tokens = 5 * len(turn)
        return self.message([self.block_of(part) for part in turn], self.reason(turn))

    @staticmethod
    def event(kind, **fields):
        return sse({"type": kind, **fields}, kind)

    def start(self):
        yield self.event("message_start", message=self.message([], None))
        yield self.event("ping")

    def opened(self, block):
        self.block += 1
        yield self.event("content_block_start", index=self.block, content_block=block)

    def delta(self, **delta):
        self.output_tokens += 1
        return self.event("content_block_delta", index=self.block, delta=delta)

    def text(self, text):
        if self.block < 0:
            yield from self.opened({"type": "text", "text": ""})
        yield self.delta(type="text_delta", text=text)

    def events(self, turn):
        yield from self.start()
        for part in turn:
            block = self.block_of(part)
            if isinstance(part, Text):
                yield from self.opened({"type": "text", "text": ""})
                for piece in pieces(part.text):
                    yield self.delta(type="text_delta", text=piece)
            elif isinstance(part, Thought):
                yield from self.opened({"type": "thinking", "thinking": "", "signature": ""})
                for piece in pieces(part.text):
                    yield self.delta(type="thinking_delta", thinking=piece)
                yield self.delta(type="signature_delta", signature=block["signature"])
            else:
                yield from self.opened({**block, "input": {}})
                for piece in pieces(json.dumps(part.arguments), 11):
                    yield self.delta(type="input_json_delta", partial_json=piece)
            yield self.event("content_block_stop", index=self.block)
        yield self.event("message_delta", delta={"stop_reason": self.reason(turn), "stop_sequence": None}, usage=self.usage())
        yield self.event("message_stop")
