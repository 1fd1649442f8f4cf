"""Chat completions of the scripted engine."""

import json

from engine_script import Conversation, Text, Thought, ToolCall, new_id, only, pieces, require, sse

NAME = "chat"
FIELDS = """model messages stream stream_options max_tokens max_completion_tokens temperature top_p top_k min_p stop tools
 tool_choice parallel_tool_calls n seed presence_penalty frequency_penalty response_format reasoning_effort user logprobs
 top_logprobs logit_bias store metadata chat_template_kwargs enable_thinking repeat_penalty num_ctx mirostat
 reasoning think keep_alive""".split()


def error(message, kind):
    return {"error": {"message": message, "type": kind, "code": 400}}


def read(body):
    only(body, FIELDS, "the request")
    conversation, open_calls = Conversation(), []
    for tool in body.get("tools") or []:
        only(tool, ("type", "function"), "a tool")
        require(tool["type"] == "function", "a tool's type is not function")
        only(tool["function"], ("name", "description", "parameters", "strict"), "a tool's function")
        conversation.tool(tool["function"].get("name"), tool["function"].get("parameters") or {})
    check_choice(body.get("tool_choice"), conversation)
    require(isinstance(body.get("messages"), list) and body["messages"], "messages are missing")
    for number, message in enumerate(body["messages"]):
        only(message, ("role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "refusal",
                       "reasoning"), f"messages[{number}]")
        role, text = message.get("role"), content(message, conversation, number)
        if role == "tool":
            require(message.get("tool_call_id") in open_calls, f"messages[{number}] responds to no tool call")
            open_calls.remove(message["tool_call_id"])
            conversation.result(text)
            continue
        require(not open_calls, f"messages[{number}]: {len(open_calls)} tool calls before it have no result")
        if role == "assistant":
            for call in message.get("tool_calls") or []:
                only(call, ("id", "type", "function", "index"), "a tool call")
                require(isinstance(json.loads(call["function"]["arguments"]), dict), "a tool call's arguments")
                open_calls.append(call["id"])
            require(text or message.get("tool_calls"), f"messages[{number}] is empty")
            conversation.assistant(text)
        elif role == "user":
            conversation.user(text)
        else:
            require(role in ("system", "developer"), f"messages[{number}].role is {role!r}")
    require(not open_calls, "the last tool calls have no results")
    return conversation


def check_choice(choice, conversation):
    if isinstance(choice, dict):
        require(choice.get("type") == "function" and choice["function"]["name"] in conversation.tools, "tool_choice")
    else:
        require(choice in (None, "auto", "none", "required"), f"tool_choice {choice!r}")


def content(message, conversation, number):
    value = message.get("content")
    if value is None or isinstance(value, str):
        return value or ""
    require(isinstance(value, list), f"messages[{number}].content")
    texts = []
    for part in value:
        only(part, ("type", "text", "image_url"), f"a part of messages[{number}]")
        if part["type"] == "text":
            texts.append(part["text"])
        else:
            require(part["type"] == "image_url" and message["role"] == "user", f"a part {part['type']!r} of a {message['role']} message")
            require(part["image_url"]["url"].startswith(("data:image/", "http")), "a picture's URL")
            conversation.pictures += 1
    return "\n".join(texts)


class Writer:
    def __init__(self, body):
        self.id = new_id("chatcmpl-")
        self.prompt_tokens = len(json.dumps(body)) // 4
        self.wants_usage = (body.get("stream_options") or {}).get("include_usage")
        self.completion_tokens = 0

    def usage(self):
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
                "total_tokens": self.prompt_tokens + self.completion_tokens, "prompt_tokens_details": {"cached_tokens": 3}}

    @staticmethod
    def call(part):
        return {"id": new_id("call_"), "type": "function",
                "function": {"name": part.name, "arguments": json.dumps(part.arguments)}}

    @staticmethod
    def reason(turn):
        return "tool_calls" if any(isinstance(part, ToolCall) for part in turn) else "stop"

    def document(self, turn):
        self.completion_tokens = 5 * len(turn)
        message = {"role": "assistant", "content": "".join(part.text for part in turn if isinstance(part, Text)) or None}
        if reasoning := "".join(part.text for part in turn if isinstance(part, Thought)):
            message["reasoning_content"] = reasoning
        if calls := [self.call(part) for part in turn if isinstance(part, ToolCall)]:
            message["tool_calls"] = calls
        return {"id": self.id, "object": "chat.completion", "created": 1700000000, "model": "scripted",
                "choices": [{"index": 0, "message": message, "finish_reason": self.reason(turn), "logprobs": None}],
                "usage": self.usage()}

    def chunk(self, delta=None, finish_reason=None, **more):
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}]
        return sse({"id": self.id, "object": "chat.completion.chunk", "created": 1700000000, "model": "scripted",
                    "choices": choices, **more})

    def start(self):
        yield self.chunk({"role": "assistant", "content": ""})

    def text(self, text):
        self.completion_tokens += 1
        yield self.chunk({"content": text})

    def events(self, turn):
        yield from self.start()
        index = -1
        for part in turn:
            if isinstance(part, Text):
                for piece in pieces(part.text):
                    yield from self.text(piece)
            elif isinstance(part, Thought):
                for piece in pieces(part.text):
                    self.completion_tokens += 1
                    yield self.chunk({"reasoning_content": piece})
            else:
                index += 1
                call = self.call(part)
                arguments = call["function"].pop("arguments")
                yield self.chunk({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
                for piece in pieces(arguments, 11):
                    self.completion_tokens += 1
                    yield self.chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield self.chunk({}, self.reason(turn))
        if self.wants_usage:
            yield self.chunk(usage=self.usage())
        yield b"data: [DONE]\n\n"
