"""What lies in deploy/ fits together, and fits the program."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from trustyard.server import bodies, bridge, unread
from trustyard.server.configuration import DEFAULTS

from .repository import ROOT, files, page

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE = yaml.safe_load(page("deploy/compose/compose.yaml"))
CONTAINERFILE = page("deploy/container/Containerfile")
TRUSTYARDS = ("serve-1", "serve-2", "worker")
HTTP, XDS = (int(DEFAULTS[name].rpartition(":")[2]) for name in ("TRUSTYARD_LISTEN", "TRUSTYARD_XDS_LISTEN"))


def manifests() -> list[dict[str, Any]]:
    """Each object of the Kubernetes base."""
    return [
        manifest
        for path in sorted(KUBERNETES.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for manifest in yaml.safe_load_all(path.read_text("utf-8"))
    ]


def deployments() -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"] for one in manifests() if one["kind"] == "Deployment"}


def container(spec: dict[str, Any]) -> dict[str, Any]:
    (only,) = spec["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def test_each_setting_that_is_used_is_one() -> None:
    for path in files():
        if path.is_relative_to(DEPLOY):
            named = set(re.findall(r"\bTRUSTYARD_[A-Z]+(?:_[A-Z]+)*\b", path.read_text("utf-8")))
            assert named <= set(DEFAULTS), path.name


def test_a_process_may_have_the_memory_that_its_own_bounds_allow() -> None:
    """docs/limits.md: bodies, answers that wait for their readers and imports, beside 200 MB of a server at work."""
    bounds = 200_000_000 + bodies.HELD + bodies.STRANGERS_HELD + unread.HELD + bridge.IMPORTS_HELD
    units = [path.read_text("utf-8") for path in (DEPLOY / "systemd").glob("*.service")]
    limits = [limit for unit in units for limit in re.findall(r"^MemoryMax=(.+)$", unit, re.MULTILINE)]
    limits += [COMPOSE["services"][name]["mem_limit"] for name in TRUSTYARDS]
    limits += [container(spec)["resources"]["limits"]["memory"] for spec in deployments().values()]
    assert len(limits) == 7
    assert all(int(limit[0]) * 2**30 > bounds and limit[1:] in ("G", "g", "Gi") for limit in limits)


def test_commands_beside_a_systemd_server_find_its_data_directory_in_the_file_of_settings() -> None:
    """systemd lets that file come before `Environment=`, so a unit with a folder of its own says it otherwise."""
    folder = "TRUSTYARD_DATA_DIR=/var/lib/trustyard"
    assert folder in page("deploy/systemd/trustyard.env").splitlines()
    for path in (DEPLOY / "systemd").glob("*.service"):
        lines = path.read_text("utf-8").splitlines()
        others = [line for line in lines if "TRUSTYARD_DATA_DIR=" in line and line != f"Environment={folder}"]
        assert all(line.startswith("ExecStart=/usr/bin/env TRUSTYARD_DATA_DIR=") for line in others), path.name
        assert others or f"Environment={folder}" in lines, path.name


def test_each_page_of_an_upgrade_says_what_the_installation_has() -> None:
    """It is made without pip; a folder for each version, and a link to the one that is used."""
    assert "--without-pip" in page("deploy/container/install")
    for name in ("docs/operations.md", "docs/deploy/systemd.md"):
        text = page(name)
        assert "bin/pip" not in text
        assert 'ln -sfn "$new" /opt/trustyard\n' in text
        assert 'sh deploy/container/install "$new"' in text
    steps = page("docs/operations.md").partition("## Upgrade")[2]
    order = [
        "trustyard backup",
        "container/install",
        'trustyard" check',
        "systemctl stop",
        "ln -sfn",
        "systemctl start",
    ]
    assert sorted(order, key=steps.index) == order


def test_an_installation_never_goes_over_one_that_is_there(tmp_path: Path) -> None:
    """Two upgrades on one day have the same name, and the first is what runs."""
    (tmp_path / "bin").mkdir()
    script = [shutil.which("sh") or "sh", "deploy/container/install", str(tmp_path)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path} exists already.")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_images_are_named_without_a_host_and_can_be_named_anew() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]
    assert all(re.fullmatch(r"\$\{[A-Z]+:-[a-z]+(:[0-9.]+)?\}", image) for image in images), images
    taken = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    assert taken == ["${PYTHON}", "${PYTHON}"]
    assert re.search(r"^ARG PYTHON=python:[a-z0-9.-]+$", CONTAINERFILE, re.MULTILINE)
    assert {container(spec)["image"] for spec in deployments().values()} == {"trustyard"}


def test_the_image_runs_as_a_number_that_is_not_root_on_the_default_ports() -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    assert "0" not in user
    (exposed,) = re.findall(r"^EXPOSE (.*)$", CONTAINERFILE, re.MULTILINE)
    assert exposed.split() == [str(HTTP), str(XDS)]
    for spec in deployments().values():
        given = spec["template"]["spec"]["securityContext"]
        assert (given["runAsUser"], given["runAsGroup"]) == tuple(int(number) for number in user)


def test_the_build_gets_what_it_needs_and_nothing_else() -> None:
    ignored, *needed = [
        line for line in page("deploy/container/Containerfile.dockerignore").splitlines() if line[:1] != "#"
    ]
    assert ignored == "*"
    assert all((ROOT / name.removeprefix("!")).exists() for name in needed if name.startswith("!"))
    script = page("deploy/container/install")
    for name in ("tools/make-venv", "requirements.lock"):
        assert name in script
        assert f"!{name}" in needed


@pytest.mark.parametrize("version", ["1.27", kubernetes_validate.latest_version()])
def test_the_manifests_are_what_kubernetes_takes(version: str) -> None:
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_base_lists_each_manifest() -> None:
    listed = yaml.safe_load(page("deploy/kubernetes/kustomization.yaml"))["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(path.name for path in KUBERNETES.glob("*.yaml"))


def test_pods_may_do_little() -> None:
    for name, spec in deployments().items():
        pod, only = spec["template"]["spec"], container(spec)
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "a service named trustyard would set TRUSTYARD_… variables"
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert only["resources"]["limits"]["memory"]


def test_services_probes_and_budget_mean_the_servers() -> None:
    serve = deployments()["trustyard-serve"]
    labels, only = serve["template"]["metadata"]["labels"], container(serve)
    ports = {port["name"]: port["containerPort"] for port in only["ports"]}
    assert ports == {"http": HTTP, "xds": XDS}
    chosen = {one["kind"]: one.get("spec") for one in manifests()}
    assert chosen["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert chosen["PodDisruptionBudget"]["minAvailable"] < serve["replicas"]
    for service in (one for one in manifests() if one["kind"] == "Service"):
        assert service["spec"]["selector"] == labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
    probes = {name: only[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",  # a database that is away is no reason to restart
    }
    assert all(probe["port"] == "http" for probe in probes.values())
    worker = deployments()["trustyard-worker"]
    assert not labels.items() <= worker["template"]["metadata"]["labels"].items(), "nobody may be sent to a worker"
    only = container(worker)
    assert {name: only[name]["httpGet"] for name in probes} == {
        name: {"path": probe["path"], "port": "health"} for name, probe in probes.items()
    }
    [listens] = [one["value"] for one in only["env"] if one["name"] == "TRUSTYARD_WORKER_LISTEN"]
    assert only["ports"] == [{"name": "health", "containerPort": int(listens.rpartition(":")[2])}]


def test_files_of_secrets_lie_where_secrets_are_mounted() -> None:
    settings = next(one["data"] for one in manifests() if one["kind"] == "ConfigMap")
    for name, spec in deployments().items():
        only = container(spec)
        given = {**settings, **{one["name"]: one["value"] for one in only.get("env", [])}}
        mounted = [mount["mountPath"] for mount in only["volumeMounts"]]
        for value in given.values():
            if value.startswith("/run/secrets/"):
                assert value.rpartition("/")[0] in mounted, (name, value)
        assert {mount["name"] for mount in only["volumeMounts"]} == {
            volume["name"] for volume in spec["template"]["spec"]["volumes"]
        }


def test_services_of_compose_have_the_secrets_and_the_neighbours_that_they_name() -> None:
    for name, service in COMPOSE["services"].items():
        secrets = set(service.get("secrets", []))
        assert secrets <= set(COMPOSE["secrets"]), name
        named = {
            v.removeprefix("/run/secrets/") for v in service.get("environment", {}).values() if v.startswith("/run/")
        }
        assert named <= secrets, name
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        for volume in service.get("volumes", []):
            assert volume.startswith("./") or volume.partition(":")[0] in COMPOSE["volumes"]
    script = page("deploy/compose/make-secrets")
    assert all(secret in script for secret in COMPOSE["secrets"])
    assert all(given["file"] == f"./secrets/{secret}" for secret, given in COMPOSE["secrets"].items())


def test_compose_runs_trustyard_with_little_rights_and_passwords_out_of_sight() -> None:
    for name in TRUSTYARDS:
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"TRUSTYARD_DATABASE_URL", "TRUSTYARD_ADMIN_PASSWORD"} & set(service["environment"])


def test_nginx_of_compose_names_the_servers_and_their_ports_and_is_trusted() -> None:
    config = page("deploy/compose/nginx.conf")
    servers = [name for name in TRUSTYARDS if COMPOSE["services"][name].get("command", ["serve"]) == ["serve"]]
    for port in (HTTP, XDS):
        assert re.findall(rf"^ +server (\S+):{port} ", config, re.MULTILINE) == servers
    published = {port.partition(":")[2] for port in COMPOSE["services"]["nginx"]["ports"]}
    assert published == set(re.findall(r"listen (\d+)", config))
    assert set(re.findall(r"/run/secrets/(\S+);", config)) == set(COMPOSE["services"]["nginx"]["secrets"])
    (subnet,) = [one["subnet"] for one in COMPOSE["networks"]["default"]["ipam"]["config"]]
    assert all(COMPOSE["services"][name]["environment"]["TRUSTYARD_TRUSTED_PROXIES"] == subnet for name in servers)
    assert ipaddress.ip_network(subnet).is_private


@pytest.mark.parametrize("name", ["deploy/compose/nginx.conf", "docs/nodes.md"])
def test_no_header_of_a_stranger_passes_a_proxy_that_is_trusted(name: str) -> None:
    """docs/settings.md, TRUSTYARD_TRUSTED_PROXIES: the address that is audited and the id are the proxy's own words."""
    said = dict(re.findall(r"proxy_set_header (X-\S+) +([^;]+);", page(name)))
    assert said == {
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Proto": "$scheme",
        "X-Forwarded-Host": '""',
        "X-Request-ID": "$request_id",
    }


def test_an_address_of_postgresql_that_wants_its_certificate_verified_names_who_signed_it() -> None:
    """libpq refuses without; the one that comes with psycopg does not look where the system has its authorities."""
    shown = [
        url
        for path in files()
        if path.suffix == ".md"
        for url in re.findall(r"postgresql://\S+", path.read_text("utf-8"))
    ]
    strict = [url for url in shown if "sslmode=verify" in url]
    assert strict
    assert all("sslrootcert=/" in url for url in strict)
    named = re.findall(r"sslrootcert=/run/secrets/trustyard/([\w.-]+)", page("docs/deploy/kubernetes.md"))
    assert named
    assert all(f"--from-file={name}=" in page("docs/deploy/kubernetes.md") for name in named)


def test_each_way_to_run_it_has_its_page() -> None:
    for way in ("systemd", "container", "compose", "kubernetes"):
        assert f"deploy/{way}.md" in page("docs/README.md")
        named = page(f"docs/deploy/{way}.md")
        for path in sorted((DEPLOY / way).iterdir()):
            if path.name != ".gitignore" and way != "kubernetes":
                assert path.name in named, f"{path.name} without a word"
