"""Renders the chart with Helm's own library and validates the result against Kubernetes' schemas. Runs in `.venv-packages`.

    kubernetes.py --chart FOLDER --binary FILE     one line of JSON per check: {"title", "outcome", "detail"}
    kubernetes.py --chart FOLDER --write FOLDER    writes the plain manifests
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

import helm_python
import kubernetes_validate
import yaml

VERSIONS = ["1.30", "1.33", "1.37"]
# Kinds of operators that Kubernetes' own schemas do not contain.
FOREIGN = {"ServiceMonitor"}
# What each plain manifest is rendered from.
MANIFESTS = {"gateway.yaml": [], "runners.yaml": ["runners"]}


def rendered(chart, values, name="simpleai", namespace="default"):
    with helm_python.Chart.load(str(chart)) as loaded:
        loaded.validate_schema(values)
        return loaded.render(values, name=name, namespace=namespace)


def objects(texts):
    return [(name, one) for name, text in sorted(texts.items()) if name.endswith(".yaml") for one in yaml.safe_load_all(text) if one]


def validate(chart, file):
    values = yaml.safe_load(file.read_text())
    kinds = []
    for _, one in objects(rendered(chart, values)):
        kinds.append(one["kind"])
        for version in VERSIONS if one["kind"] not in FOREIGN else []:
            used = kubernetes_validate.validate(one, version, strict=True)
            assert used.startswith(version), f"{one['kind']} was compared with Kubernetes {used} instead of {version}"
        for label, value in one["metadata"].get("labels", {}).items():
            assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", str(value)), f"label {label}: {value}"
        restricted(one)
    return ", ".join(kinds)


def restricted(one):
    """Containers of SimpleAI fulfil the Pod Security Standard `restricted`, with a root that cannot be written."""
    pod = one.get("spec", {}).get("template", {}).get("spec")
    for container in pod["containers"] if pod else []:
        if container["name"] in ("gateway", "agent"):
            security = {**pod.get("securityContext", {}), **container["securityContext"]}
            assert security["runAsNonRoot"] and security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"], security
            assert security["capabilities"]["drop"] == ["ALL"] and security["seccompProfile"]["type"] == "RuntimeDefault", security
            assert pod["automountServiceAccountToken"] is False


def accepted(chart, file, binary):
    """The program accepts the settings that the chart renders: `config check`, without the files of other containers."""
    schema = subprocess.run([binary, "config", "schema"], stdout=subprocess.PIPE, check=True, text=True).stdout
    values, checked = yaml.safe_load(file.read_text()), []
    for _, one in objects(rendered(chart, values)):
        for name, text in one.get("data", {}).items() if one["kind"] == "ConfigMap" else []:
            settings = yaml.safe_load(text)
            if "storage" in settings and '"storage"' not in schema:
                return "skipped: this version has no storage.url, which several gateways need"
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, name)
                path.write_text(text)
                removed = {f"SIMPLEAI__{key}": "" for key in (
                    "SERVER__TLS__CERTIFICATE", "SERVER__TLS__KEY", "AUTH__ISSUERS__0__TLS__CA_FILE")
                    if name == "simpleai.yaml" and re.search(r"tls|ca_file", text)}
                secrets = {"SIMPLEAI_RUNNER_TOKEN": "r" * 40, "SIMPLEAI_METRICS_TOKEN": "m" * 40, "NODE_NAME": "node-1",
                           "SIMPLEAI_DATABASE_URL": "postgres://db/simpleai"}
                run = subprocess.run([binary, "config", "check", "--config", path], capture_output=True, text=True,
                                     env={**os.environ, **secrets, **removed})
            assert run.returncode == 0, f"{name}: {run.stdout}{run.stderr}"
            checked.append(name)
    return ", ".join(checked)


REFUSED = {
    "settings.auth.issuers is required": {},
    "several gateways need a database that they share": {"replicas": 2},
    "runnerToken.existingSecret is required": {"runners": {"enabled": True}},
    "metrics.existingSecret is required": {"metrics": {"serviceMonitor": True}},
    "replica": {"replica": 2},
    "ingress.host is required": {"ingress": {"enabled": True, "tlsSecret": "tls"}},
}


def refused(chart):
    issuers = {"auth": {"issuers": [{"issuer": "https://auth.example.com", "audience": "simpleai"}]}}
    for reason, values in REFUSED.items():
        try:
            rendered(chart, {**values, "settings": issuers} if values else {})
        except helm_python.HelmError as error:
            assert reason in str(error), f"{values}: {error}"
        else:
            raise AssertionError(f"{values} was rendered; expected: {reason}")
    return f"{len(REFUSED)} value files"


def plain(chart):
    """The plain manifests: the chart with its own defaults, without what only Helm uses."""
    values = yaml.safe_load((chart / "ci/manifests.yaml").read_text())
    texts = rendered(chart, values)
    parts = {"gateway.yaml": [], "runners.yaml": []}
    for name, text in sorted(texts.items()):
        if name.endswith(".yaml") and text.strip():
            text = re.sub(r"^\s*(helm\.sh/chart|app\.kubernetes\.io/managed-by|helm\.sh/resource-policy): .*\n", "", text, flags=re.MULTILINE)
            text = re.sub(r"^  annotations:\n    # API keys outlive the release\.\n", "", text, flags=re.MULTILINE)
            parts["runners.yaml" if name.endswith("/runners.yaml") else "gateway.yaml"].append(text.strip() + "\n")
    head = "# From the chart: scripts/test-packages --write-manifests. docs/guides/kubernetes.md explains what to change.\n"
    return {name: head + "---\n".join(part) for name, part in parts.items()}


def unchanged(chart):
    for name, text in plain(chart).items():
        file = chart.parent / name
        assert file.exists() and file.read_text() == text, f"{file} differs from the chart; run scripts/test-packages --write-manifests"
        for one in yaml.safe_load_all(text):
            kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
    return ", ".join(plain(chart))


def linted(chart, file):
    result = helm_python.lint(str(chart), values=yaml.safe_load(file.read_text()), strict=True)
    found = [message for message in result["messages"] if message["severity"] > 1]
    assert not found and not result["errors"], f"{found} {result['errors']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chart", type=pathlib.Path, required=True)
    parser.add_argument("--binary", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    if options.write:
        for name, text in plain(options.chart).items():
            options.write.joinpath(name).write_text(text)
        return
    files = [options.chart / "ci" / name for name in ("minimal.yaml", "home.yaml", "cluster.yaml")]
    checks = [("the chart passes helm lint", linted, files[0])]
    for file in files:
        checks.append((f"{file.name} renders to valid objects", validate, file))
        checks.append((f"the program accepts the settings of {file.name}", accepted, file, options.binary))
    checks += [("impossible values are refused with a reason", refused), ("the plain manifests are those of the chart", unchanged)]
    for title, action, *arguments in checks:
        try:
            outcome, detail = "passed", action(options.chart, *arguments) or ""
            if detail.startswith("skipped: "):
                outcome, detail = "skipped", detail.removeprefix("skipped: ")
        except Exception as error:  # noqa: BLE001 - the report of a check, whatever failed in it
            outcome, detail = "failed", f"{type(error).__name__}: {error}"
        print(json.dumps({"title": title, "outcome": outcome, "detail": detail}), flush=True)


if __name__ == "__main__":
    main()
