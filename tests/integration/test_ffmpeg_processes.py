"""Processes as viewers: their command lines, and that none is left behind."""
import os
import signal
import stat
import subprocess

import pytest

from helpers.players import ENGINE, begun_s, children_of, is_running, program_of
from helpers.process import wait_for


def players_of(run, count):
    found = []

    def all_there():
        found[:] = [pid for pid in children_of(run.pid) if program_of(pid) == "ffmpeg"]
        return len(found) == count

    wait_for(all_there, f"{count} players", 20)
    return found


def check_gone(pids, deadline_s):
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the players to be gone",
             deadline_s)


def test_no_player_outlives_shoal(shoal, nginx, live, tmp_path):
    """Killed, asked to end, interrupted: three swarms at once on one server."""
    live(tmp_path / "www", kind="muxed", segment_s=1)
    server = nginx(tmp_path / "www")
    ends = {signal.SIGKILL: None, signal.SIGTERM: 130, signal.SIGINT: 130}
    runs = {number: shoal.start(*ENGINE, "--viewers", 6, "--ramp", "20/s", "--duration", "60s",
                                "--user-agent", number.name, server.url("live.m3u8"))
            for number in ends}
    players = {number: players_of(run, 6) for number, run in runs.items()}
    for number in ends:
        wait_for(lambda name=number.name: sum(row["agent"] == name for row in server.log()) > 20,
                 "the swarm to play", 20)
        os.kill(runs[number].pid, number)
    for number, status in ends.items():
        if status is None:
            runs[number].wait(5)
        else:
            report = runs[number].finish(20)
            assert report["player_processes_started"] == report["player_processes_ended"] == 6
            assert report["descriptors_opened"] == report["descriptors_closed"]
            assert report.status == status
        check_gone(players[number], 5)


def test_printed_command_is_the_command(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=4, segment_s=1))
    status, line, errors = shoal.command("run", *ENGINE, "--print-command", "-H",
                                         "Cookie: it's=1 \"2\" $HOME", "--user-agent",
                                         "agent {viewer}", server.url("main.m3u8"))
    assert status == 0, errors
    assert line.endswith("\n")
    assert server.log() == []  # nothing but the preflight has asked for anything
    subprocess.run(["sh", "-c", line], check=True, stdin=subprocess.DEVNULL,
                   capture_output=True, timeout=30)
    server.quit()
    log = server.log()
    assert sum(row["uri"].endswith(".ts") for row in log) == 4
    assert {row["cookie"] for row in log} == {"it's=1 \"2\" $HOME"}
    assert {row["agent"] for row in log} == {"agent 0"}


def test_each_viewer_has_an_agent_of_its_own(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=3, segment_s=1))
    shoal.run(*ENGINE, "--viewers", 12, "--ramp", "12/s", "--once", "--user-agent",
              "viewer {viewer} plays", "-H", "Cookie: a=b", server.url("main.m3u8"),
              status=None)
    server.quit()
    log = server.log()
    assert {row["agent"] for row in log} == {f"viewer {i} plays" for i in range(12)}
    # Playlists and segments alike.
    assert {row["cookie"] for row in log} == {"a=b"}
    for i in range(12):
        assert sum(row["agent"] == f"viewer {i} plays" for row in log) == 4


def test_resolve_holds_for_segments_too(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=3, segment_s=1))
    report = shoal.run(*ENGINE, "--viewers", 1, "--once", "--resolve",
                       f"no-such-name.example:{server.port}:127.0.0.1",
                       f"http://no-such-name.example:{server.port}/main.m3u8", status=None)
    server.quit()
    log = server.log()
    assert report["segments"] == 3 and len(log) == 4
    assert {row["host"] for row in log} == {f"no-such-name.example:{server.port}"}


def test_variant_is_chosen(shoal, nginx, vod):
    """One server, a viewer for each choice, told apart by its agent."""
    server = nginx(vod("abr", duration_s=6, segment_s=1))
    choices = {"first": {"v0", "v2"}, "lowest": {"v1", "v2"}, "highest": {"v0", "v2"},
               "1": {"v1", "v2"}, "all": {"v0", "v1", "v2"}}
    runs = [shoal.start(*ENGINE, "--viewers", 1, "--once", "--variant", variant, "--user-agent",
                        variant, server.url("main.m3u8")) for variant in choices]
    reports = [run.finish() for run in runs]
    server.quit()
    log = server.log()
    for (variant, folders), report in zip(choices.items(), reports):
        # ffmpeg looks at the start of every variant and goes on with its own.
        whole = {f"v{i}" for i in range(3)
                 if sum(row["agent"] == variant and row["uri"].startswith(f"/v{i}/s")
                        for row in log) >= 6}
        assert whole == folders, variant
        assert report["sessions_ended"] == 1


OLD = """#!/bin/sh
case "$*" in
*datetime*) echo 'Invalid loglevel "datetime".' >&2; exit 1;;
*-version*) echo 'ffmpeg version 4.0 Copyright'; exit 0;;
*demuxer=hls*) echo 'Demuxer hls [Apple HTTP Live Streaming]:'; exit 0;;
*"-h "*) exit 0;;
esac
echo "$@" > {record}
exec ffmpeg "$@"
"""


def test_old_binary_gets_only_what_it_knows(shoal, nginx, vod, tmp_path):
    """What it has not named in its own help is not on its command line."""
    server = nginx(vod("ts", duration_s=3, segment_s=1))
    old = tmp_path / "old-ffmpeg"
    old.write_text(OLD.format(record=tmp_path / "line"))
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    report = shoal.run(*ENGINE, "--ffmpeg", old, "--viewers", 1, "--once",
                       server.url("main.m3u8"), status=None)
    line = (tmp_path / "line").read_text()
    assert report["segments"] == 3 and report["player_restarts"] == 0
    for word in ("datetime", "seg_max_retry", "stats_period", "readrate", "reconnect"):
        assert word not in line
    assert " -re " in line


def test_what_ffmpeg_cannot_be_told_is_refused(shoal, nginx, vod):
    """Rather than left out in silence."""
    server = nginx(vod("ts", duration_s=3, segment_s=1))
    for habit in (("--bind", "127.0.0.1"), ("--viewer-rate", "1Mbit/s"), ("--buffer", "3s"),
                  ("--connect-timeout", "3s"), ("--player", "drain"),
                  ("--threshold", "p99(dns)<1s")):
        status, _, errors = shoal.command("run", *ENGINE, *habit, server.url("main.m3u8"))
        assert status == 2 and habit[0] in errors, (habit, errors)
    assert server.log() == []


def test_missing_binary_says_what_to_do(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=3, segment_s=1))
    status, _, errors = shoal.command("run", *ENGINE, "--ffmpeg", "no-such-ffmpeg",
                                      server.url("main.m3u8"))
    assert status == 3
    assert "no-such-ffmpeg" in errors and "install" in errors


@pytest.mark.timed
def test_ramp_is_exact(shoal, nginx, live, tmp_path):
    """A process every quarter of a second, by the kernel's own record of when each began."""
    live(tmp_path / "www", kind="muxed", segment_s=1)
    server = nginx(tmp_path / "www")
    run = shoal.start(*ENGINE, "--viewers", 12, "--ramp", "4/s", "--duration", "5s",
                      "--user-agent", "{viewer}", server.url("live.m3u8"))
    begun = sorted(begun_s(pid) for pid in players_of(run, 12))
    for viewer, at in enumerate(begun):
        assert at - begun[0] == pytest.approx(viewer / 4, abs=0.1)
    report = run.finish()
    server.quit()
    assert report["sessions_started"] == 12
    assert {int(row["agent"]) for row in server.log()} == set(range(12))


@pytest.mark.slow
@pytest.mark.alone
def test_two_hundred_players_on_this_machine(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=2)
    server = nginx(tmp_path / "www")
    run = shoal.start(*ENGINE, "--viewers", 200, "--ramp", "10/s", "--duration", "30s",
                      server.url("live.m3u8"))

    def all_players():
        assert run.alive(), run.log_text()
        found = [pid for pid in children_of(run.pid) if program_of(pid) == "ffmpeg"]
        return found if len(found) == 200 else None

    players = wait_for(all_players, "200 players", 60, every_s=0.5)
    report = run.finish()
    server.quit()
    log = server.log()
    assert report["sessions_played"] == report["sessions_ended"] == 200
    assert report["sessions_failed"] == 0
    assert 0 <= len(log) - report["http_responses"] <= report["requests_aborted"]
    assert report["tcp_connects"] == len({row["connection"] for row in log})
    check_gone(players, 5)
