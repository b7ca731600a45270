"""The sums hold in every snapshot of a run, not only in the report: nothing is counted twice,
nothing gets lost, whatever the stream, the plan and the operator do."""
import json
import os
import signal

import pytest

from helpers.process import wait_for
from view_tools import get, url_of

TOKEN = "balance"

FAULTS = ["--fault", "status=503,p=0.03,path=*.ts", "--fault", "reset_in_body,p=0.03,path=*.ts",
          "--fault", "close_before_response,p=0.02,path=*.ts", "--fault",
          "latency=400ms,p=0.1,path=*.ts", "--fault", "freeze,from=4s,to=6s,path=*.ts"]
LIVE = ["--stream", "name=live,segment=1s,bitrates=300k+600k,audio=64k"]

ENDED = ("sessions_ended", "sessions_failed")


def check(now, before):
    """What holds in every snapshot; `before` is an earlier one of the run."""
    def open_of(begun, *over):
        left = now[begun] - sum(now[name] for name in over)
        assert left >= 0, (begun, left, now)
        return left

    open_of("http_requests", "http_responses", "requests_aborted", "requests_failed")
    open_of("tcp_connects", "connections_closed")
    active = open_of("sessions_started", *ENDED)
    starting = open_of("sessions_started", "sessions_played", "sessions_unplayed")
    stalled = open_of("stalls", "stalls_over")
    assert starting + stalled <= active, (starting, stalled, active)
    over = sum(now[name] for name in ENDED)
    assert now["sessions_unplayed"] <= over
    assert over <= now["sessions_played"] + now["sessions_unplayed"]
    assert now["stalls_long"] <= now["stalls_over"]
    classes = sum(now[f"http_responses_{digit}xx"] for digit in "2345")
    assert classes == now["http_responses"]
    assert now["segment_bytes"] <= now["body_bytes"]
    assert now["stall_time_us"] + now["media_played_us"] <= now["watched_time_us"]
    assert now["playlists_unchanged"] <= now["playlists"]
    for name, value in before.items():
        assert now[name] >= value, (name, value, now[name])


def watch(run, act=lambda number, base: None, deadline_s=60):
    """Looks at the run as often as it can until it is over; returns the different snapshots.
    `act` is called after each with how many there were."""
    base = url_of(run)
    seen = [{}]

    def look():
        try:
            snapshot = json.loads(get(f"{base}/api/v1/snapshot?token={TOKEN}")[2])
        except (OSError, ValueError):
            return not run.alive()
        if snapshot["counters"] != seen[-1]:
            check(snapshot["counters"], seen[-1])
            seen.append(snapshot["counters"])
            act(len(seen) - 1, base)
        return not run.alive()
    wait_for(look, "the end of the run", deadline_s)
    return seen[1:]


def check_end(report, last):
    report.check_balance()
    counters = report.json["counters"]
    check(counters, last)
    assert counters["watched_time_us"] >= counters["stall_time_us"] + counters["media_played_us"]
    histograms = report.json["histograms"]
    assert histograms["startup"]["count"] == counters["sessions_played"]
    # All stalls are in both, one that a session ends in as well.
    assert histograms["stall"]["sum_s"] == pytest.approx(counters["stall_time_us"] / 1e6, abs=1e-3)
    played = histograms["startup"]["sum_s"] + (counters["stall_time_us"] +
                                               counters["media_played_us"]) / 1e6
    watched = counters["watched_time_us"] / 1e6
    if counters["sessions_unplayed"] == 0:
        assert watched == pytest.approx(played, abs=1e-3)
    else:
        assert watched >= played - 1e-3


@pytest.fixture
def swarm(shoal, origin):
    def start(*arguments, stream=LIVE, faults=FAULTS, path="live"):
        server = origin(*stream, *faults)
        return shoal.start("--listen", "127.0.0.1:0", "--listen-token", TOKEN, *arguments,
                           f"{server.base}/{path}/index.m3u8")
    return start


@pytest.mark.slow
def test_through_faults_stages_and_short_sessions(swarm):
    run = swarm("--viewers", 60, "--ramp", "1s", "--stage", "2s:120", "--stage", "2s:20",
                "--stage", "0s:90", "--stage", "2s:90", "--stage", "1s:0", "--stage", "1s:30",
                "--session", "2s", "--threads", 2, "--variant", "random", "--live-offset", "2s")
    seen = watch(run)
    report = run.finish()
    report.check_status(0)
    assert len(seen) > 40
    assert any(s["stalls"] > s["stalls_over"] for s in seen), "no stall was seen open"
    assert any(s["http_requests"] > s["http_responses"] + s["requests_failed"] for s in seen)
    assert report["stalls"] > 0 and report["requests_failed"] > 0 and report["retries"] > 0
    check_end(report, seen[-1])


@pytest.mark.parametrize("session", ["100ms", "1h"])
def test_very_short_and_very_long_sessions(swarm, session):
    run = swarm("--viewers", 40, "--ramp", "500ms", "--session", session, "--threads", 2,
                "--duration", "3s", "--player", "drain", faults=[])
    seen = watch(run)
    report = run.finish()
    report.check_status(0)
    if session == "100ms":
        # Forty places, two to three seconds, a tenth of a second and a request's time each.
        assert 600 < report["sessions_started"] < 1600
    else:
        assert report["sessions_started"] == 40 + report["sessions_failed"]
    check_end(report, seen[-1])


@pytest.mark.parametrize("after", [2, 9, 21])
@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_at_some_moment(swarm, after, times):
    def act(number, base):
        del base
        if after <= number < after + times and run.alive():
            os.kill(run.pid, signal.SIGINT)
    run = swarm("--viewers", 100, "--ramp", "1s", "--session", "2s", "--threads", 2, "--variant",
                "all")
    seen = watch(run, act)
    report = run.finish(30)
    assert report.status == 130, report.output
    if times == 1:
        assert report["requests_aborted"] == report["bodies_aborted"] == 0, report.json["counters"]
    check_end(report, seen[-1])


def test_target_moved_by_hand(swarm):
    wanted = {10: 120, 25: 7, 40: 80, 55: 0, 65: 60}

    def act(number, base):
        if number in wanted:
            answer = get(f"{base}/api/v1/target?token={TOKEN}&viewers={wanted[number]}",
                         method="POST")
            assert answer[0] == 200, answer
    run = swarm("--viewers", 30, "--ramp", "0s", "--max-viewers", 120, "--session", "2s",
                "--threads", 2, "--duration", "8s")
    seen = watch(run, act)
    report = run.finish()
    active = [s["sessions_started"] - sum(s[name] for name in ENDED) for s in seen]
    assert max(active) > 60 and min(active[20:]) < 20
    check_end(report, seen[-1])


def test_all_variants_at_once_of_a_slow_server(swarm):
    """Eleven playlists and then eleven segments of each viewer at the same time: what has no
    connection waits, and nothing of it is refused for want of room."""
    run = swarm("--viewers", 40, "--ramp", "0s", "--threads", 1, "--duration", "3s", "--variant",
                "all", faults=["--fault", "latency=300ms"],
                stream=["--stream", "name=live,segment=1s,audio=64k,bitrates=" +
                        "+".join(f"{rate}k" for rate in range(200, 300, 10))])
    seen = watch(run)
    report = run.finish()
    report.check_status(0)
    assert report.failures() == {}
    assert len(report.labels("segments")) == 10
    check_end(report, seen[-1])


def test_once_ends_with_the_last_session(swarm):
    run = swarm("--viewers", 50, "--ramp", "2s", "--once", "--threads", 2, "--player", "drain",
                stream=["--stream", "name=vod,vod=5s,segment=1s,bitrates=300k"], path="vod",
                faults=["--fault", "status=500,p=0.05,path=*.ts"])
    seen = watch(run)
    report = run.finish()
    report.check_status(0)
    assert report["sessions_started"] == 50
    check_end(report, seen[-1])
