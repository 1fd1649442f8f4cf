"""OpenAI Responses of the scripted engine."""

import json

from engine_script import Conversation, Text, Thought, ToolCall, new_id, pieces, require, sse

NAME = "responses"


def error(message, kind):
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}


def read(body):
    conversation, open_calls = Conversation(), set()
    for tool in body.get("tools") or []:
        if tool.get("type") == "function":
            conversation.tool(tool.get("name"), tool.get("parameters"))
    items = body.get("input")
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    require(isinstance(items, list), "input is missing")
    for item in items:
        kind = item.get("type", "message")
        if kind == "message":
            content = item["content"]
            text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
            if item["role"] == "user":
                conversation.user(text)
            elif item["role"] == "assistant":
                conversation.assistant(text)
        elif kind in ("function_call", "custom_tool_call"):
            open_calls.add(item["call_id"])
        elif kind in ("function_call_output", "custom_tool_call_output"):
            require(item["call_id"] in open_calls, f"call_id {item['call_id']!r}")
            open_calls.remove(item["call_id"])
            output = item["output"]
            conversation.result(output if isinstance(output, str) else json.dumps(output))
    require(not open_calls, "the last function calls have no output")
    return conversation


class Writer:
    def __init__(self, body):
        self.id = new_id("resp_")
        self.body, self.number, self.output = body, -1, []
        self.item = 0
        self.input_tokens, self.output_tokens = len(json.dumps(body)) // 4, 0

    def response(self, status):
        usage = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens,
                 "total_tokens": self.input_tokens + self.output_tokens,
                 "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        return {"id": self.id, "object": "response", "created_at": 1700000000, "status": status, "model": "scripted",
                "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "output": self.output,
                "parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
                "usage": usage if status == "completed" else None}

    @staticmethod
    def item_of(part):
        if isinstance(part, Text):
            return {"type": "message", "id": new_id("msg_"), "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}]}
        if isinstance(part, Thought):
            return {"type": "reasoning", "id": new_id("rs_"), "summary": [{"type": "summary_text", "text": part.text}]}
        return {"type": "function_call", "id": new_id("fc_"), "call_id": new_id("call_"), "name": part.name,
                "arguments": json.dumps(part.arguments), "status": "completed"}

    def document(self, turn):
        self.output_tokens = 5 * len(turn)
        self.output = [self.item_of(part) for part in turn]
        return self.response("completed")

    def event(self, kind, **fields):
        self.number += 1
        return sse({"type": kind, "sequence_number": self.number, **fields}, kind)

    def start(self):
        yield self.event("response.created", response=self.response("in_progress"))

    def text(self, text):
        self.output_tokens += 1
        yield self.event("response.output_text.delta", item_id="msg_0", output_index=0, content_index=0, delta=text,
                         logprobs=[])

    def events(self, turn):
        yield from self.start()
        for number, part in enumerate(turn):
            item = self.item_of(part)
            place = {"item_id": item["id"], "output_index": number}
            if isinstance(part, Text):
                yield self.event("response.output_item.added", output_index=number,
                                 item={**item, "content": [], "status": "in_progress"})
                empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
                yield self.event("response.content_part.added", **place, content_index=0, part=empty)
                for piece in pieces(part.text):
                    self.output_tokens += 1
                    yield self.event("response.output_text.delta", **place, content_index=0, delta=piece, logprobs=[])
                yield self.event("response.output_text.done", **place, content_index=0, text=part.text, logprobs=[])
                yield self.event("response.content_part.done", **place, content_index=0, part=item["content"][0])
            elif isinstance(part, ToolCall):
                yield self.event("response.output_item.added", output_index=number,
                                 item={**item, "arguments": "", "status": "in_progress"})
                for piece in pieces(item["arguments"], 11):
                    self.output_tokens += 1
                    yield self.event("response.function_call_arguments.delta", **place, delta=piece)
                yield self.event("response.function_call_arguments.done", **place, name=item["name"],
                                 arguments=item["arguments"])
            else:
                yield self.event("response.output_item.added", output_index=number, item={**item, "summary": []})
            yield self.event("response.output_item.done", output_index=number, item=item)
            self.output.append(item)
        yield self.event("response.completed", response=self.response("completed"))
