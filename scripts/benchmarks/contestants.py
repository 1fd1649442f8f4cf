"""The contestants: the gateway as shipped, and bare proxies as their makers ship them, each with one thread."""

import dataclasses
import json
import subprocess

from processes import LOAD_CORE, PROXY_CORE, fail, free_port, running
from workload import RESPONSE, MODEL

# By default nginx closes a client connection after a number of requests, which would affect the measurement.
NGINX = """\
daemon off; worker_processes 1; worker_rlimit_nofile {files}; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h; client_body_buffer_size 64k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {content}
}}
"""
# Each runner of a fleet is one path of this server, with one model.
ENGINE = """
  server {{
    listen 127.0.0.1:{port} backlog=4096; default_type application/json;
    location ~ ^/(?<place>m\\d+)/v1/models$ {{
      return 200 '{{"object":"list","data":[{{"id":"{model}-$place","object":"model","owned_by":"bench"}}]}}'; }}
    location ~ ^/(?<place>m\\d+)/ {{ return 200 '{response_there}'; }}
    location / {{ return 200 '{response}'; }}
  }}"""
NGINX_PROXY = """
  upstream engine {{ least_conn; server 127.0.0.1:{engine}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
                  proxy_read_timeout 1h; }}
  }}"""
# Without http-no-delay HAProxy delays an event by up to 200 ms, to send several together.
HAPROXY = """\
global
  nbthread 1
  maxconn {connections}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  http-reuse always
  option http-no-delay
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
class BenchmarkRun:
    """The state of a run: its folder, its limit of open files, and the programs that it found."""
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


def _nginx(run, stack, name, core, content):
    file = run.folder / f"{name}.conf"
    file.write_text(NGINX.format(folder=run.folder, name=name, content=content, files=run.open_files,
                                 connections=run.open_files - 100))
    command = ["nginx", "-e", run.folder / f"{name}.log", "-c", file]
    return stack.enter_context(running(core, command)).pid


def start_engine(run, stack):
    """Starts an upstream that responds with complete documents immediately. Returns its port."""
    port = free_port()
    there = json.dumps(json.loads(RESPONSE) | {"model": f"{MODEL}-$place"})
    _nginx(run, stack, f"engine-{port}", LOAD_CORE,
           ENGINE.format(port=port, model=MODEL, response=RESPONSE, response_there=there))
    return port


def start_nginx(run, stack, engine):
    port = free_port()
    pid = _nginx(run, stack, f"nginx-{port}", PROXY_CORE, NGINX_PROXY.format(port=port, engine=engine))
    return Contestant("nginx", f"http://127.0.0.1:{port}", pid)


def start_haproxy(run, stack, engine):
    port = free_port()
    file = run.folder / f"haproxy-{port}.cfg"
    # Each stream needs two sockets.
    file.write_text(HAPROXY.format(port=port, engine=engine, connections=(run.open_files - 100) // 2))
    pid = stack.enter_context(running(PROXY_CORE, ["haproxy", "-f", file], stderr=subprocess.DEVNULL)).pid
    return Contestant("haproxy", f"http://127.0.0.1:{port}", pid)


def start_envoy(run, stack, engine):
    port = free_port()
    router = {"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                 ".HttpConnectionManager",
        "stat_prefix": "bench", "http_filters": [router], "stream_idle_timeout": "3600s",
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
    file = run.folder / f"envoy-{port}.json"
    file.write_text(json.dumps(settings))
    command = [run.envoy, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    pid = stack.enter_context(running(PROXY_CORE, command, stderr=subprocess.DEVNULL)).pid
    return Contestant("envoy", f"http://127.0.0.1:{port}", pid)


GATEWAY = """\
server: {{ port: 0, event_loops: 1, max_connections: 100000 }}
auth:
  issuers:
    - {{ issuer: "{issuer}", audience: "{audience}", jwks_file: "{folder}/jwks.json" }}
classes: {{ fast: {models} }}
runners:
{runners}
fleet: {{ state_file: "{folder}/state-{number}.json" }}
log: {{ level: warning }}
"""


def start_simpleai(run, stack, engine, fleet=None):
    """Starts the gateway as shipped: RS256 tokens, class routing, metrics.

    fleet: the numbers of runners and of models; None for one runner with one model.
    """
    if fleet is None:
        models = [MODEL]
        runners = [{"id": "engine", "url": f"http://127.0.0.1:{engine}", "models": models, "slots": 10000}]
    else:
        count, different = fleet
        models = [f"{MODEL}-m{number}" for number in range(min(count, different))]
        runners = [{"id": f"engine-{number}", "url": f"http://127.0.0.1:{engine}/m{number % len(models)}",
                    "models": [models[number % len(models)]], "slots": 1000} for number in range(count)]
    number = free_port()
    settings = run.folder / f"simpleai-{number}.yaml"
    settings.write_text(GATEWAY.format(
        folder=run.folder, number=number, models=json.dumps(models),
        runners="\n".join(f"  - {json.dumps(runner)}" for runner in runners), **run.issuer))
    process = stack.enter_context(running(
        PROXY_CORE, [run.binary, "serve", "--config", settings, "--json"], stdout=subprocess.PIPE, text=True))
    line = process.stdout.readline()
    if not line:
        fail("the gateway did not start")
    return Contestant("simpleai", json.loads(line)["url"], process.pid)


def peers(run, found):
    """Functions that start the contestants, the gateway last: `(name, start)`."""
    starts = [("nginx", start_nginx)]
    if "haproxy" in found:
        starts.append(("haproxy", start_haproxy))
    if run.envoy:
        starts.append(("envoy", start_envoy))
    return [*starts, ("simpleai", start_simpleai)]
