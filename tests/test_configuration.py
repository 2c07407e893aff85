from __future__ import annotations

import contextlib
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.configuration import load, sample
from clawgate.errors import SettingsError
from clawgate.model.size import parse_size
from clawgate.settings import Mount, Settings

CONF = Path(__file__).parent.parent / "conf"


def settings_of(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "a.toml"
    file.write_text(text)
    return load([str(file)], environment)


def complaint(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, text, environment)
    return str(caught.value).replace(str(tmp_path / "a.toml"), "FILE")


def test_nothing_given_is_the_default():
    settings = load()

    assert Settings() == attrs.evolve(settings, data="clawgate-data")
    assert str(Path.cwd() / "clawgate-data") == settings.data


def test_sample_file_holds_every_setting_with_its_default():
    assert sample() == (CONF / "clawgate.toml").read_text(), "run: clawgate settings > conf/clawgate.toml"
    assert Settings() == attrs.evolve(load([str(CONF / "clawgate.toml")]), data="clawgate-data")


def test_files_in_conf_are_right():
    settings = load([str(CONF / "dev.toml")])

    assert settings.log.level == "debug"


def test_later_sources_win_setting_by_setting(tmp_path):
    first, second = tmp_path / "1.toml", tmp_path / "2.toml"
    first.write_text('[http]\nidle_timeout = 1\nheader_count = 2\nconnections = 3\nlisten = ["unix:a"]')
    second.write_text('[http]\nheader_count = 20\nconnections = 30\nlisten = ["unix:b"]')

    settings = load([str(first), str(second)], {"CLAWGATE_HTTP__CONNECTIONS": "300"}, http__listen=["unix:c"], data=None)

    assert (
        settings.http.idle_timeout,
        settings.http.header_count,
        settings.http.connections,
        settings.http.listen,
    ) == (1.0, 20, 300, ["unix:c"])


def test_mounts_replace_the_default_one(tmp_path):
    settings = settings_of(tmp_path, '[mounts.lab]\nroot = "/srv/lab"\nkind = "project"')

    assert {"lab": Mount(root="/srv/lab", kind="project")} == settings.mounts


def test_mounts_from_the_environment(tmp_path):
    environment = {"CLAWGATE_MOUNTS__HOME__ROOT": "/a/{user.id}", "CLAWGATE_MOUNTS__HOME__CHECKSUMS": "SHA1, MD5"}

    assert {"home": Mount(root="/a/{user.id}", checksums=["SHA1", "MD5"])} == load([], environment).mounts
    environment = {"CLAWGATE_MOUNTS__LAB__QUOTA": "10 GiB"}
    assert {"Lab": Mount(root="/l", quota=10 * 2**30)} == settings_of(tmp_path, '[mounts.Lab]\nroot = "/l"', environment).mounts


def test_tables_within_mounts(tmp_path):
    text = '[mounts.Lab]\ndriver = "s3"\n[mounts.Lab.s3]\nbucket = "bin"\npart_bytes = "16 MiB"\n'
    s3 = settings_of(tmp_path, text, {"CLAWGATE_MOUNTS__LAB__S3__REGION": "eu-west-1"}).mounts["Lab"].s3
    assert (s3.bucket, s3.part_bytes, s3.region) == ("bin", 16 << 20, "eu-west-1")
    assert "line 3: mounts.a.s3.bukket: unknown setting; did you mean 'bucket'?" in complaint(
        tmp_path, '[mounts.a]\n[mounts.a.s3]\nbukket = "b"'
    )
    assert "mounts.a.s3.part_bytes: expected at least" in complaint(tmp_path, "[mounts.a.s3]\npart_bytes = 1")
    assert "hunter2" not in repr(settings_of(tmp_path, '[mounts.a.s3]\nsecret_key = "hunter2"'))


@pytest.mark.parametrize(
    ("name", "value", "section", "expected"),
    [
        ("DATA", "/d", "", "/d"),
        ("HTTP__SENDFILE", "off", "http", False),
        ("HTTP__SENDFILE", "True", "http", True),
        ("HTTP__IDLE_TIMEOUT", "2.5", "http", 2.5),
        ("HTTP__MAX_BODY_BYTES", "1.5 GB", "http", 1_500_000_000),
        ("HTTP__LISTEN", "tcp:1,tcp:2", "http", ["tcp:1", "tcp:2"]),
        ("HTTP__LISTEN", '["unix:a,b"]', "http", ["unix:a,b"]),
        ("HTTP__LISTEN", "", "http", []),
        ("HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1, unix", "http", ["10.0.0.0/8", "::1", "unix"]),
    ],
)
def test_environment_is_converted(name, value, section, expected):
    settings = load([], {f"CLAWGATE_{name}": value})
    holder = getattr(settings, section) if section else settings

    assert expected == getattr(holder, name.lower().rpartition("__")[2])


def test_what_kubernetes_puts_into_the_environment_is_left_alone():
    load([], {"CLAWGATE_PORT": "tcp://10.0.0.1:80", "CLAWGATE_SERVICE_HOST": "10.0.0.1", "OTHER__X": "1"})


@pytest.mark.parametrize("name", ["HTTP_LISTEN", "LOGIN_FLOW_ENABLED", "STATE_URL"])
def test_one_underscore_too_few_is_told(name):
    section, _, key = name.rpartition("_")
    with pytest.raises(SettingsError, match=f"environment variable CLAWGATE_{name}: .* write CLAWGATE_{section}__{key}$"):
        load([], {f"CLAWGATE_{name}": "x"})


def test_secrets_come_from_files(tmp_path):
    (tmp_path / "url").write_text("postgresql://u:hunter2@h/d\n")

    assert load([], {"CLAWGATE_STATE__URL": f"file:{tmp_path}/url"}).state.url == "postgresql://u:hunter2@h/d"
    with pytest.raises(SettingsError, match=r"CLAWGATE_STATE__URL: state.url: the secret in /nowhere cannot be read: No such"):
        load([], {"CLAWGATE_STATE__URL": "file:/nowhere"})
    assert "hunter2" not in complaint(tmp_path, 'state.url = ["hunter2"]')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("htp = 1", "FILE line 1: htp: unknown setting; did you mean 'http'?"),
        ('[http]\n\nlisen = ["x"]', "FILE line 3: http.lisen: unknown setting; did you mean 'listen'?"),
        ('listen = ["x"]', "FILE line 1: listen: unknown setting; did you mean http.listen?"),
        ('[http]\nlisten = "x"', 'FILE line 2: http.listen: expected a list, found "x"'),
        ("[http]\nlisten = [1]", "FILE line 2: http.listen: expected a text in quotes, found 1"),
        ("http.idle_timeout = 0", "FILE line 1: http.idle_timeout: expected at least 1, found 0"),
        ("[http]\nmin_rate = -1", "FILE line 2: http.min_rate: expected at least 0, found -1"),
        ("[http]\nidle_timeout = nan", "FILE line 2: http.idle_timeout: expected a number, found NaN"),
        ("[dav]\nxml_depth = true", "FILE line 2: dav.xml_depth: expected a whole number, found true"),
        ("[dav]\nxml_bytes = 1.5", "FILE line 2: dav.xml_bytes: expected a whole number or a size like 10 GiB, found 1.5"),
        ('[dav]\ndepth_infinity = "yes"', 'FILE line 2: dav.depth_infinity: expected true or false, found "yes"'),
        ("http = 3", "FILE line 1: http: expected a table [http]"),
        ("[mounts]\nhome = 1", "FILE line 2: mounts.home: expected a table [mounts.home]"),
        ('[mounts."a/b"]', "FILE line 1: mounts.'a/b': names have letters, digits, - and _, at most 64"),
        ('[mounts.home]\nquota = "10 GiX"', "FILE line 2: mounts.home.quota: '10 GiX' is not a size such as '10 GiB'"),
        (
            '[mounts.home]\nsymlinks = "hid"',
            "FILE line 2: mounts.home.symlinks: expected one of hide, follow, refuse, found \"hid\"; did you mean 'hide'?",
        ),
        (
            '[mounts.home]\nchecksums = ["SHA2"]',
            "FILE line 2: mounts.home.checksums: expected one of SHA1, MD5, ADLER32, SHA256, CRC32C, found "
            "\"SHA2\"; did you mean 'SHA256'?",
        ),
        (
            '[http]\npublic_url = "https://a.example/b"',
            "FILE line 2: http.public_url: expected 'https://HOST' or 'https://HOST:PORT', without a path",
        ),
        (
            '[login_flow]\nnextcloud_version = "20.0"',
            "FILE line 2: login_flow.nextcloud_version: expected three numbers, such as '20.0.14'",
        ),
        (
            '[http]\ntrusted_proxies = ["10.0.0.0/40"]',
            "FILE line 2: http.trusted_proxies: expected an address, a network such as '10.0.0.0/8', or 'unix' for local sockets",
        ),
        ("a =", "FILE: is not TOML: Invalid value (at end of document)"),
    ],
)
def test_errors_name_place_and_expectation(tmp_path, text, expected):
    assert expected == complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HTTP__LISEN", "x", "http.lisen: unknown setting; did you mean 'listen'?"),
        ("HTTP__SENDFILE", "maybe", 'http.sendfile: expected true or false, found "maybe"'),
        ("FILES__THREADS", "many", 'files.threads: expected a whole number, found "many"'),
        ("HTTP__LISTEN__X", "y", "http.listen is a setting and cannot hold further ones"),
    ],
)
def test_errors_name_the_environment_variable(tmp_path, name, value, expected):
    text = 'http.listen = ["unix:a"]'

    assert f"environment variable CLAWGATE_{name}: {expected}" == complaint(tmp_path, text, {f"CLAWGATE_{name}": value})


def test_missing_file(tmp_path):
    with pytest.raises(SettingsError, match=r"nothing.toml: cannot be read: No such file"):
        load([str(tmp_path / "nothing.toml")])


@given(st.integers(0, 2**53), st.sampled_from(["", " ", "  "]), st.sampled_from(["b", "KiB", "MiB", "kb", "MB", ""]))
def test_sizes(number, blank, unit):
    factor = {"b": 1, "": 1, "kib": 1024, "mib": 2**20, "kb": 1000, "mb": 10**6}[unit.lower()]
    if number * factor < 2**63:
        assert number * factor == parse_size(f"{number}{blank}{unit}")


@given(st.text())
def test_sizes_never_fail_in_another_way(text):
    with contextlib.suppress(ValueError):
        assert parse_size(text) >= 0
