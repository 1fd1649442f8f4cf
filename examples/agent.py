#!/usr/bin/env python3
"""A runner agent of protocol version 1, written from docs/PROTOCOL.md alone: registers an OpenAI-compatible engine.

    RUNNER_TOKEN=... agent.py ws://gateway:8080/ws/runners http://127.0.0.1:8081 [runner_id]

The gateway sends calls directly to the engine's port on this machine. No TLS, no reconnecting, no loading of models.
"""
import base64, json, os, socket, struct, sys, threading, time, urllib.parse, urllib.request

gateway, engine = (urllib.parse.urlsplit(url) for url in sys.argv[1:3])
name = sys.argv[3] if len(sys.argv) > 3 else socket.gethostname()
sending = threading.Lock()


def status():
    try:
        ids = [m["id"] for m in json.load(urllib.request.urlopen(engine.geturl() + "/v1/models", timeout=5))["data"]]
    except (OSError, ValueError, KeyError):
        ids = []
    return {"health": "healthy" if ids else "unhealthy", "capabilities": [], "model_aliases": {}, "engines": [{
        "engine_type": "openai", "is_healthy": bool(ids), "loaded_models": ids, "batch_size": 4,
        "available_models": [{"id": id, "name": id} for id in ids]}]}


def send(data, opcode=1):  # a client masks its frames (RFC 6455, section 5)
    key, size = os.urandom(4), len(data)
    head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else struct.pack(">BBH", 0x80 | opcode, 0xFE, size)
    with sending:
        link.sendall(head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(data)))


def send_message(type, **fields):
    send(json.dumps({"type": type, **fields}).encode())


def heartbeats():
    while True:
        time.sleep(15)
        send_message("heartbeat", **status())


link = socket.create_connection((gateway.hostname, gateway.port or 80))
link.sendall(f"GET {gateway.path} HTTP/1.1\r\nHost: {gateway.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
             f"{base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
stream = link.makefile("rb")
if b" 101 " not in stream.readline():
    sys.exit("the gateway refused the WebSocket at this URL")
while stream.readline() not in (b"\r\n", b""):
    pass
send_message("register", runner_id=name, runner_name=name, http_port=engine.port or 80, protocol_version=1,
    auth_token=os.environ["RUNNER_TOKEN"], status=status())
while header := stream.read(2):
    opcode, size = header[0] & 15, header[1]
    size = struct.unpack(">H", stream.read(2))[0] if size == 126 else size
    data = stream.read(size)
    message = json.loads(data) if opcode == 1 else {"type": {8: "close", 9: "ping frame"}.get(opcode)}
    if message["type"] == "ping frame":
        send(data, opcode=10)
    elif message["type"] in ("error", "close"):
        sys.exit(f"the gateway closed the connection: {message}")
    elif message["type"] == "register_ack":
        print(f"joined as {message['runner_id']}", flush=True)
        threading.Thread(target=heartbeats, daemon=True).start()
    elif message["type"] == "request_status":
        send_message("command_response", request_id=message["request_id"], success=True, status=status())
    elif "request_id" in message:
        send_message("command_response", request_id=message["request_id"], success=False, error="not supported")
