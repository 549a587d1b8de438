"""The local stack starting, failing and ending; each test has a stack of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from service.sandbox import data_folder
from service.sandbox.errors import SandboxError
from service.sandbox.node import PROJECT, check_node, install, is_installed
from service.sandbox.processes import bind
from service.sandbox.supabase import LocalSupabase, start_supabase
from tests import loopback
from tests.leftovers import wait_until_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.slow

MIGRATION = "create table public.things (id int primary key); grant select on public.things to service_role;"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one table and one row."""
    folder = tmp_path / "project" / "supabase"
    (folder / "migrations").mkdir(parents=True)
    (folder / "config.toml").write_text((PROJECT / "supabase" / "config.toml").read_text())
    (folder / "migrations" / "20260101000000_things.sql").write_text(MIGRATION)
    (folder / "seed.sql").write_text("insert into public.things values (7);")
    return folder.parent


def read_things(supabase: LocalSupabase) -> httpx.Response:
    return loopback.get(f"{supabase.url}/rest/v1/things?select=id", headers={"apikey": supabase.secret_key})


def processes() -> list[tuple[int, int, str, str]]:
    """Each process's id, parent, state and command line."""
    command = ["ps", "-eww", "-o", "pid=,ppid=,stat=,args="]
    ps = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=3) for line in ps.stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[2], row[3]) for row in rows]


def find_below(pid: int) -> dict[int, str]:
    """The command line of `pid` and of every process below it."""
    found: dict[int, str] = {}
    rows = processes()
    wanted = {pid}
    while wanted:
        found |= {row[0]: row[3] for row in rows if row[0] in wanted}
        wanted = {row[0] for row in rows if row[1] in wanted}
    return found


def running(pids: Iterable[int]) -> set[int]:
    return {pid for pid, _, state, _ in processes() if not state.startswith("Z")} & set(pids)


def wait_until_gone(pids: Iterable[int]) -> None:
    wait_until_none(lambda: running(pids))


@contextmanager
def fake_commands(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> Iterator[None]:
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}" if scripts else str(folder))
        yield


def test_outages_are_told_as_503_and_what_was_committed_is_there_after_them(project: Path) -> None:
    with start_supabase(project=project) as supabase:
        for end, begin in (
            (supabase.stop_postgres, supabase.start_postgres),
            (supabase.kill_postgres, supabase.start_postgres),
            (supabase.stop_postgrest, supabase.start_postgrest),
            (supabase.kill_postgrest, supabase.start_postgrest),
        ):
            end()
            assert read_things(supabase).status_code in {400, 503}
            begin()
            assert read_things(supabase).json() == [{"id": 7}]


def test_keys_users_and_rows_outlive_a_killed_node_and_nothing_is_left_running(
    project: Path, tmp_path: Path
) -> None:
    credentials = {"email": "somebody@example.com", "password": "correct-horse-battery"}
    with start_supabase(data=tmp_path / "data", project=project) as first:
        headers = {"apikey": first.publishable_key}
        assert loopback.post(f"{first.url}/auth/v1/signup", headers=headers, json=credentials).is_success
        killed = find_below(first.pid)
        os.kill(first.pid, signal.SIGKILL)
    assert len(killed) > 5

    with start_supabase(data=tmp_path / "data", project=project) as second:
        wait_until_gone(killed)
        ended = find_below(second.pid)
        assert (second.secret_key, second.publishable_key) == (first.secret_key, first.publishable_key)
        sign_in = f"{second.url}/auth/v1/token?grant_type=password"
        assert loopback.post(sign_in, headers=headers, json=credentials).is_success
        assert read_things(second).json() == [{"id": 7}]
    wait_until_gone(ended)

    with start_supabase(data=tmp_path / "data", project=project, fresh=True, migrate=False) as third:
        assert third.secret_key != first.secret_key
        assert read_things(third).status_code == 404


def test_all_ends_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from service.sandbox.supabase import start_supabase
with start_supabase(data=Path({str(tmp_path / "data")!r}), migrate=False) as supabase:
    print(supabase.pid, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT, text=True
    ) as parent:
        assert parent.stdout is not None
        node = int(parent.stdout.readline())
        family = find_below(parent.pid)
        parent.kill()
    assert node in family
    wait_until_gone(family)


def test_an_earlier_postgres_that_still_runs_is_named(tmp_path: Path) -> None:
    with start_supabase(data=tmp_path / "data", migrate=False) as supabase:
        below = find_below(supabase.pid)
        for pid, command in below.items():
            if " guard " in command:
                os.kill(pid, signal.SIGKILL)
        os.kill(supabase.pid, signal.SIGKILL)
    postmaster = int((tmp_path / "data" / "postgres" / "postmaster.pid").read_text().split()[0])
    try:
        with (
            pytest.raises(SandboxError, match=rf"An earlier Postgres \(pid {postmaster}\) still runs"),
            start_supabase(data=tmp_path / "data", migrate=False),
        ):
            pass
        assert running({postmaster})
    finally:
        os.kill(postmaster, signal.SIGINT)
        for pid, command in below.items():
            if command.endswith("/postgrest"):
                os.kill(pid, signal.SIGTERM)
    wait_until_gone(below)
    shutil.rmtree((tmp_path / "data" / "sockets").resolve())


def test_a_data_folder_serves_one_stack_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "_WAIT_SECONDS", 0.1)
    with (
        data_folder.data_folder(tmp_path / "data"),
        pytest.raises(SandboxError, match=rf"Another stack \(pid {os.getpid()}\) uses"),
        start_supabase(data=tmp_path / "data"),
    ):
        pass


def test_a_taken_port_is_named_with_who_holds_it() -> None:
    with bind() as holder:
        port = holder.getsockname()[1]
        message = rf"Port {port} is taken by \S+ \(pid {os.getpid()}\)"
        with pytest.raises(SandboxError, match=message), start_supabase(port):
            pass
        with pytest.raises(SandboxError, match=message), start_supabase(db_port=port):
            pass


def test_a_failing_migration_says_why(project: Path) -> None:
    (project / "supabase" / "migrations" / "20260102000000_bad.sql").write_text("select no_such_column;")
    failing = pytest.raises(SandboxError, match='column "no_such_column" does not exist')
    with failing, start_supabase(project=project):
        pass


def test_node_must_be_there_and_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = pytest.raises(SandboxError, match=r"Node\.js is missing: install version 20 or newer")
    with fake_commands(monkeypatch, tmp_path / "none"), missing:
        check_node()
    old = pytest.raises(SandboxError, match=r"Node\.js v18\.20\.4 is too old: install version 20 or newer")
    with fake_commands(monkeypatch, tmp_path / "old", node="echo v18.20.4"), old:
        check_node()


def test_a_failed_install_says_what_npm_said_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    broken = "echo 'npm error network' >&2; mkdir node_modules; exit 1"
    failing = pytest.raises(SandboxError, match="npm error network")
    with fake_commands(monkeypatch, tmp_path / "broken", npm=broken), failing:
        install(tmp_path)
    assert not is_installed(tmp_path)
    slow = "sleep 0.2; echo ran >> runs"
    with fake_commands(monkeypatch, tmp_path / "good", npm=slow), ThreadPoolExecutor() as threads:
        list(threads.map(install, [tmp_path] * 4))
    assert (tmp_path / "runs").read_text() == "ran\n"
    (tmp_path / "package-lock.json").write_text('{"changed": true}')
    assert not is_installed(tmp_path)


def test_a_folder_that_cannot_hold_the_data_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(data_folder, "_NEEDED_BYTES", 10**18)
    for folder, message in (
        (tmp_path / "file" / "data", "Cannot write to"),
        (tmp_path, "holds other files"),
        (tmp_path / "data", "The disk is full"),
    ):
        with pytest.raises(SandboxError, match=message), start_supabase(data=folder, fresh=True):
            pass
    assert (tmp_path / "file").exists()
