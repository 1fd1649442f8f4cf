"""The contestants: the gateway as shipped, and bare proxies as their makers ship them.

Each runs with one thread unless it is started for several cores, and with its access log on unless it is started
without: nginx and Envoy write theirs to a file, HAProxy to a local socket (it never writes files), the gateway's standard
error is a file.
"""

import dataclasses
import json
import subprocess
import sys

from processes import LOAD_CORE, PROXY_CORE, fail, free_port, running
from workload import ANSWER, MODEL

# By default nginx closes a client connection after a number of requests; that would be measured, too.
NGINX = """\
daemon off; worker_processes {workers}; worker_rlimit_nofile {files}; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections {connections}; }}
http {{
  access_log {access_log}; keepalive_requests 100000000; keepalive_timeout 1h; client_body_buffer_size 256k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {content}
}}
"""
# Every runner of a fleet has a path of its own here, with one model in it.
ENGINE = """
  server {{
    listen 127.0.0.1:{port} backlog=4096; default_type application/json;
    location ~ ^/(?<place>m\\d+)/v1/models$ {{
      return 200 '{{"object":"list","data":[{{"id":"{model}-$place","object":"model","owned_by":"bench"}}]}}'; }}
    location ~ ^/(?<place>m\\d+)/ {{ return 200 '{answer_there}'; }}
    location / {{ return 200 '{answer}'; }}
  }}"""
NGINX_PROXY = """
  upstream engine {{ least_conn; server 127.0.0.1:{engine}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
                  proxy_read_timeout 1h; }}
  }}"""
# Without http-no-delay HAProxy holds an event back for up to 200 ms, so that several are sent together.
HAPROXY = """\
global
  nbthread {threads}
  maxconn {connections}
  {log_target}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  http-reuse always
  option http-no-delay
  {log_option}
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend engines
backend engines
  balance leastconn
  server engine 127.0.0.1:{engine}
"""
ENVOY_CIRCUITS = {"priority": "DEFAULT", "max_connections": 100000, "max_pending_requests": 100000,
                  "max_requests": 100000}


@dataclasses.dataclass
class Contestant:
    name: str
    url: str
    pid: int


@dataclasses.dataclass
class Workshop:
    """A run's folder, its limit of open files, and the programs that it found."""
    stack: object
    folder: object
    binary: object
    envoy: str
    open_files: int
    token: str = ""
    issuer: dict = dataclasses.field(default_factory=dict)

    def make_key(self):
        subprocess.run([self.binary, "token", "init", "--directory", self.folder], check=True,
                       stdout=subprocess.DEVNULL)
        self.issuer = json.loads((self.folder / "token-key.json").read_text())
        self.token = subprocess.run([self.binary, "token", "--key", self.folder / "token-key.pem", "--ttl", "4h"],
                                    check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


@dataclasses.dataclass
class Setup:
    """How a contestant is started."""
    logs: bool = True
    """Whether it writes its access log."""
    cores: tuple = (PROXY_CORE,)
    """One event loop, worker or thread for each."""
    messages: str = "auto"
    """Whether the gateway translates Anthropic's Messages for the upstream: `runners[].messages`."""


AS_SHIPPED = Setup()


def _nginx(shop, stack, name, content, access_log="off", cores=(LOAD_CORE,)):
    file = shop.folder / f"{name}.conf"
    file.write_text(NGINX.format(folder=shop.folder, name=name, content=content, files=shop.open_files,
                                 connections=shop.open_files - 100, access_log=access_log, workers=len(cores)))
    command = ["nginx", "-e", shop.folder / f"{name}.log", "-c", file]
    return stack.enter_context(running(cores, command)).pid


def start_engine(shop, stack):
    """Starts an upstream that responds with whole documents at once. Returns its port."""
    port = free_port()
    there = json.dumps(json.loads(ANSWER) | {"model": f"{MODEL}-$place"})
    _nginx(shop, stack, f"engine-{port}",
           ENGINE.format(port=port, model=MODEL, answer=ANSWER, answer_there=there))
    return port


def start_nginx(shop, stack, engine, setup=AS_SHIPPED):
    port = free_port()
    log = f"{shop.folder}/nginx-{port}-access.log" if setup.logs else "off"
    pid = _nginx(shop, stack, f"nginx-{port}", NGINX_PROXY.format(port=port, engine=engine), log, setup.cores)
    return Contestant("nginx", f"http://127.0.0.1:{port}", pid)


def start_haproxy(shop, stack, engine, setup=AS_SHIPPED):
    port = free_port()
    file = shop.folder / f"haproxy-{port}.cfg"
    target = option = ""
    if setup.logs:
        socket = shop.folder / f"haproxy-{port}.socket"
        _start_log_server(stack, socket, shop.folder / f"haproxy-{port}-access.log")
        target, option = f"log {socket} local0", "log global\n  option httplog"
    # Each stream needs two sockets.
    file.write_text(HAPROXY.format(port=port, engine=engine, connections=(shop.open_files - 100) // 2,
                                   threads=len(setup.cores), log_target=target, log_option=option))
    pid = stack.enter_context(running(setup.cores, ["haproxy", "-f", file], stderr=subprocess.DEVNULL)).pid
    return Contestant("haproxy", f"http://127.0.0.1:{port}", pid)


def _start_log_server(stack, socket, file):
    """Writes what arrives at a local socket to a file, as a syslog daemon does."""
    command = [sys.executable, f"{__file__.rpartition('/')[0]}/log_server.py", socket, file]
    process = stack.enter_context(running((LOAD_CORE,), command, stdout=subprocess.PIPE, text=True))
    if not process.stdout.readline():
        fail("the log server did not start")


def start_envoy(shop, stack, engine, setup=AS_SHIPPED):
    port = free_port()
    router = {"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    log = {"name": "envoy.access_loggers.file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": f"{shop.folder}/envoy-{port}-access.log"}}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                 ".HttpConnectionManager",
        "stat_prefix": "bench", "http_filters": [router], "stream_idle_timeout": "3600s",
        "access_log": [log] if setup.logs else [],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "engine", "timeout": "0s"}}]}]}}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": engine}}}}
    settings = {"static_resources": {
        "listeners": [{"address": address, "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "engine", "type": "STATIC", "lb_policy": "LEAST_REQUEST", "connect_timeout": "5s",
                      "circuit_breakers": {"thresholds": [ENVOY_CIRCUITS]},
                      "load_assignment": {"cluster_name": "engine", "endpoints": [{"lb_endpoints": [endpoint]}]}}]}}
    file = shop.folder / f"envoy-{port}.json"
    file.write_text(json.dumps(settings))
    command = [shop.envoy, "-c", file, "--concurrency", str(len(setup.cores)), "--disable-hot-restart",
               "--log-level", "error"]
    pid = stack.enter_context(running(setup.cores, command, stderr=subprocess.DEVNULL)).pid
    return Contestant("envoy", f"http://127.0.0.1:{port}", pid)


GATEWAY = """\
server: {{ port: 0, event_loops: {loops}, max_connections: 100000 }}
auth:
  issuers:
    - {{ issuer: "{issuer}", audience: "{audience}", jwks_file: "{folder}/jwks.json" }}
classes: {{ fast: {models} }}
runners:
{runners}
fleet: {{ state_file: "{folder}/state-{number}.json" }}
{log}
"""


def start_simpleai(shop, stack, engine, setup=AS_SHIPPED, fleet=None):
    """The product as shipped: RS256 tokens, class routing, metrics, and the access log at its default level.

    fleet: the numbers of runners and of models; None for one runner with one model.
    """
    if fleet is None:
        models = [MODEL]
        runners = [{"id": "engine", "url": f"http://127.0.0.1:{engine}", "models": models, "slots": 10000,
                    "messages": setup.messages}]
    else:
        count, different = fleet
        models = [f"{MODEL}-m{number}" for number in range(min(count, different))]
        runners = [{"id": f"engine-{number}", "url": f"http://127.0.0.1:{engine}/m{number % len(models)}",
                    "models": [models[number % len(models)]], "slots": 1000} for number in range(count)]
    number = free_port()
    settings = shop.folder / f"simpleai-{number}.yaml"
    settings.write_text(GATEWAY.format(
        folder=shop.folder, number=number, models=json.dumps(models), loops=len(setup.cores),
        log="" if setup.logs else "log: { access: none }",
        runners="\n".join(f"  - {json.dumps(runner)}" for runner in runners), **shop.issuer))
    log = stack.enter_context(open(shop.folder / f"simpleai-{number}.log", "wb"))
    process = stack.enter_context(running(
        setup.cores, [shop.binary, "serve", "--config", settings, "--json"], stdout=subprocess.PIPE, stderr=log,
        text=True))
    line = process.stdout.readline()
    if not line:
        fail("the gateway did not start")
    return Contestant("simpleai", json.loads(line)["url"], process.pid)


def peers(shop, found):
    """Functions that start the contestants, the gateway last: `(name, start)`; nginx comes first."""
    starts = [("nginx", start_nginx)]
    if "haproxy" in found:
        starts.append(("haproxy", start_haproxy))
    if shop.envoy:
        starts.append(("envoy", start_envoy))
    return [*starts, ("simpleai", start_simpleai)]
