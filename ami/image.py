"""What an image with firstlight must be. Run by `ami/verify`, against a machine made of it.

To add a point: a test here, marked if it is true until the first boot only, and in tests/tests/image.rs how it is spoiled.
"""

import json
import os
import struct

import pytest

# What holds of an image, and no more of an instance that has booted from it.
image_only = pytest.mark.image_only

DOCKER = "/var/lib/docker"
CONTAINERD = "/var/lib/containerd"
# Program header of a program that wants an interpreter, which a static one doesn't (elf(5)).
PT_INTERP = 3


def names(host, pattern):
    """The paths that a shell's pattern stands for."""
    return host.run(f"ls -d {pattern} 2>/dev/null").stdout.split()


def test_the_binary_is_roots_alone(host):
    binary = host.file("/usr/bin/firstlight")
    assert (binary.user, binary.group, oct(binary.mode)) == ("root", "root", "0o755")


def test_the_binary_is_static(host):
    program = host.file("/usr/bin/firstlight").content
    assert program[:5] == b"\x7fELF\x02"
    (offset,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    kinds = [struct.unpack_from("<I", program, offset + size * index)[0] for index in range(count)]
    assert PT_INTERP not in kinds


def test_the_unit_is_enabled(host):
    assert host.service("firstlight").is_enabled


def test_the_engine_is_enabled(host):
    assert host.service("docker").is_enabled


def test_the_units_are_sound(host):
    said = host.run("systemd-analyze verify --man=no firstlight.service firstlight-backstop.service multi-user.target")
    lines = (said.stdout + said.stderr).splitlines()
    # A distribution's own units may have settings that its systemd warns of.
    assert [line for line in lines if "firstlight" in line or "cycle" in line] == []


def test_there_are_roots_for_tls(host):
    bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
    assert any(host.file(bundle).exists and host.file(bundle).size > 0 for bundle in bundles)


def test_there_is_a_fast_gunzip(host):
    assert host.exists("unpigz")


def test_the_engine_is_tuned(host):
    assert json.loads(host.file("/etc/docker/daemon.json").content_string)["live-restore"] is True


def test_cloud_init_knows_the_parts(host):
    handler = host.file("/var/lib/cloud/handlers/firstlight.py")
    # Put there at boot; its recipe must be there.
    assert handler.exists or host.file("/usr/lib/tmpfiles.d/firstlight.conf").contains("handlers/firstlight.py")


def test_drop_ins_are_roots_alone(host):
    found = host.run("find /etc/firstlight \\( ! -user root -o -perm /022 \\) -print")
    assert found.stdout == ""


@image_only
def test_no_record_is_left(host):
    assert names(host, "/var/lib/firstlight/*") == []


@image_only
def test_cloud_init_begins_anew(host):
    assert names(host, "/var/lib/cloud/instance /var/lib/cloud/instances/* /var/lib/cloud/sem/*") == []


@image_only
def test_it_has_no_machine_id(host):
    assert host.file("/etc/machine-id").content_string.strip() in ("", "uninitialized")


@image_only
def test_nobody_has_a_key_to_it(host):
    assert names(host, "/root/.ssh/authorized_keys /home/*/.ssh/authorized_keys /etc/ssh/ssh_host_*_key") == []


def test_it_holds_no_credentials(host):
    assert names(host, "/root/.aws /home/*/.aws /root/.docker/config.json /home/*/.docker/config.json") == []
    found = host.run("grep -rlE 'A[KS]IA[0-9A-Z]{16}|aws_secret_access_key|AWS_SECRET_ACCESS_KEY' /etc /root /home /opt 2>/dev/null")
    assert found.stdout == ""


@image_only
def test_nothing_tells_of_its_making(host):
    assert names(host, "/root/.bash_history /home/*/.bash_history /var/log/journal/* /var/log/cloud-init*.log") == []


@image_only
def test_the_engine_is_nobody_yet(host):
    # What tells one engine from another, before and since Docker 23; made at its first start.
    assert names(host, f"/etc/docker/key.json {DOCKER}/engine-id") == []


def held_on_disk(host):
    """The names of all images, from the files of an engine that doesn't run; one that has no name goes by its digest."""
    store = host.file(f"{DOCKER}/image/overlay2/repositories.json")
    known = json.loads(store.content_string)["Repositories"] if store.exists else {}
    ids = {name.rsplit("/", 1)[1] for name in names(host, f"{DOCKER}/image/overlay2/imagedb/content/sha256/*")}
    # The engine's own store, and containerd's, which a fresh Docker 29 uses. That one can't be read without it.
    blobs = names(host, f"{CONTAINERD}/io.containerd.content.v1.content/blobs/sha256/*")
    assert blobs == [], "images are in containerd's store: start the engine, which knows their names"
    images = {}
    for repository in known.values():
        for name, image in repository.items():
            images.setdefault(image.removeprefix("sha256:"), []).append(name)
    return [images.get(image, [image]) for image in ids | set(images)]


def held(host):
    """The names of each image that the engine has."""
    if not host.file("/run/docker.sock").exists:
        return held_on_disk(host)
    ids = host.check_output("docker image ls --all --quiet --no-trunc").split()
    told = json.loads(host.check_output(f"docker image inspect {' '.join(ids)}")) if ids else []
    return [(image["RepoTags"] or []) + (image["RepoDigests"] or []) or [image["Id"]] for image in told]


@image_only
def test_docker_holds_only_what_was_prefetched(host):
    assert names(host, f"{DOCKER}/containers/* {DOCKER}/volumes/*/_data") == []
    expected = set(os.environ.get("FIRSTLIGHT_PREFETCHED", "").split())
    images = held(host)
    assert [image for image in images if not expected & set(image)] == []
    assert expected - {name for image in images for name in image} == set()
    # More than one tag at an image is more than was asked for; its digest goes with each.
    assert {name for image in images for name in image if "@" not in name} <= expected
