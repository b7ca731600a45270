"""The dashboard in a real terminal: read from the screen, at many sizes, with its keys."""
import os
import re
import shlex
import shutil
import signal

import pytest

from helpers.process import wait_for
from helpers.shoal import shoal_path
from view_tools import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
LIVE = ("--stream", "name=live,segment=1s,bitrates=300k+600k")


@pytest.fixture
def dashboard(tmp_path, origin):
    """Starts a swarm in a terminal of this size."""
    server = origin(*LIVE)
    terminals = []

    def start(width, height, *arguments, environment=None, seconds=60, before=(),
              shows=r"(?m)^.? ?Viewers|Rates"):
        terminal = Terminal(tmp_path, width, height, environment)
        terminals.append(terminal)
        words = [*before, shoal_path(), "run", "--viewers", "50", "--ramp", "1s", "--duration",
                 f"{seconds}s", "--listen", "off", *map(str, arguments), f"{server.base}/live/index.m3u8"]
        terminal.type("PS1='$ '; clear; " + shlex.join(words) + "; echo status=$?")
        terminal.wait(shows)
        return terminal
    yield start
    for terminal in terminals:
        terminal.end()


def pid_of(terminal):
    shell = terminal.tmux("list-panes", "-t", "t", "-F", "#{pane_pid}").strip()

    def child():
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
            found = file.read().split()
        return int(found[0]) if found else None
    return wait_for(child, "the swarm's process")


def is_sane(terminal):
    """Whether the terminal echoes and edits lines as before, on its main screen."""
    terminal.type("stty -a | tr ' ' '\\n' | grep -cE '^(icanon|echo|isig);?$'")
    terminal.wait(r"(?m)^3$")
    assert terminal.tmux("display-message", "-p", "-t", "t", "#{alternate_on}#{cursor_flag}") \
        .strip() == "01"


@pytest.mark.parametrize("width, height", [(60, 20), (80, 24), (100, 30), (200, 60)])
def test_sizes(dashboard, width, height):
    terminal = dashboard(width, height)
    screen = terminal.wait(r"(?s)50 of 50.*Generator.*sampler late.*h help")  # drawn to its end
    lines = screen.split("\n")
    assert lines[0].startswith(" shoal  ") and "running" in lines[0]
    for words in ("Viewers", "starting", "stalled", "ended", "Rates", "Times", "p50", "max",
                  "playlist", "first byte", "rebuffer", "stalls/min", "switches/min", "startup p95",
                  "live latency", "Failures", "Generator", "memory", "files", "sampler late"):
        assert words in screen, screen
    assert re.search(r"now\W+1 s\W+10 s\W+60 s\W+300 s\W+run", screen), screen
    assert re.search(r"segments( +[\d.,k]+){6}", screen), screen
    assert re.search(r"(bit/s( +[\d.]+[kM]){6}|throughput( +[\d.]+ [kM]bit/s){6})", screen), screen
    assert re.search(r"workers?( [\d.<]+ %)+", screen), screen
    assert all(len(line) <= width for line in lines)
    assert "h help" in lines[height - 1]


def test_resizing(dashboard):
    terminal = dashboard(80, 24)
    for width, height in ((60, 20), (140, 50), (40, 8), (20, 4), (80, 24)):
        terminal.resize(width, height)
        if width >= 60:
            screen = terminal.wait(rf"(?s)^ shoal.{{{width - 32},}}?running.*h help")
            assert screen.rstrip("\n").count("\n") == height - 1
    terminal.wait("Generator")


def test_keys(dashboard):
    terminal = dashboard(80, 24, "--max-viewers", "100")
    terminal.wait("50 of 50")
    terminal.key("h")
    screen = terminal.wait("this help")
    cost = re.search(r"a frame takes ([\d.]+) ms, at most", screen)
    assert cost and float(cost.group(1)) < 2, screen
    terminal.key("Escape")
    terminal.wait("(?s)^(?!.*this help)")
    terminal.key("+")
    terminal.wait("55 of 55")
    terminal.key("-")
    terminal.wait("50 of 50")
    terminal.key("w")
    terminal.wait("Times 60 s")
    terminal.key("p")
    terminal.wait("PAUSED")
    terminal.key("p")
    terminal.wait("(?s)^(?!.*PAUSED)")
    terminal.key("q")
    terminal.wait("q again stops at once|ending|Result")
    terminal.wait(r"status=\d+", 30)
    is_sane(terminal)


def test_suspend_and_resume(dashboard):
    terminal = dashboard(80, 24)
    terminal.wait("50 of 50")
    terminal.key("C-z")
    terminal.wait(r"(?m)^\$ *$|Stopped|status=")
    terminal.type("fg; echo status=$?")
    terminal.wait("Rates")
    terminal.key("C-c")
    terminal.wait(r"status=130", 30)
    is_sane(terminal)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_gives_the_terminal_back(dashboard, number):
    terminal = dashboard(80, 24)
    terminal.wait("50 of 50")
    os.kill(pid_of(terminal), number)
    terminal.wait(rf"status={128 + number}")
    is_sane(terminal)


def test_a_terminal_that_nobody_reads(dashboard, tmp_path):
    """The terminal hangs with its buffers full: the run ends in time, its report is written."""
    out = tmp_path / "report.json"
    terminal = dashboard(200, 60, "--out", out, seconds=4)
    terminal.key("C-s")  # flow control is no way to stop it either
    terminal.wait("50 of 50")
    server = int(terminal.tmux("display-message", "-p", "#{pid}"))
    terminal.tmux("resize-window", "-t", "t", "-x", "201", "-y", "60")
    os.kill(server, signal.SIGSTOP)
    try:
        wait_for(lambda: out.exists() and out.stat().st_size > 1000, "the report", 20)
    finally:
        os.kill(server, signal.SIGCONT)
    terminal.wait(r"status=[04]", 20)
    is_sane(terminal)


def test_ascii_and_no_colour(dashboard):
    terminal = dashboard(80, 24, environment={"LC_ALL": "C", "NO_COLOR": "1"})
    terminal.wait("50 of 50")
    screen = terminal.screen("-e")
    assert screen.isascii()
    assert not re.search(r"\033\[[0-9;]*3[0-7]m|\033\[38;", screen)


def test_colours_where_there_are_some(dashboard):
    terminal = dashboard(80, 24)
    terminal.wait("50 of 50")
    assert re.search(r"\033\[[0-9;]*3[0-7]m|\033\[38;", terminal.screen("-e"))


def test_what_is_said_before_stands_above(dashboard):
    """A warning is no part of the screen, which warns too; it is there when the screen is gone."""
    terminal = dashboard(120, 30, "--listen", "0.0.0.0:0")
    screen = terminal.wait("50 of 50")
    assert screen.startswith(" shoal ") and "anyone who reaches" not in screen
    assert re.search(r"open to all: http://0\.0\.0\.0:\d+/", screen), screen
    terminal.key("q", "q")
    terminal.wait(r"status=\d+", 30)
    assert "anyone who reaches 0.0.0.0 can read" in terminal.screen("-S", "-200")


def test_an_unknown_terminal_gets_lines(dashboard):
    terminal = dashboard(100, 50, seconds=2, before=("env", "TERM=nothing"), shows="req/s")
    screen = terminal.wait(r"status=[04]", 30)
    screen = terminal.screen("-S", "-200")
    assert "shoal: dashboard: " in screen and re.search(r"0:0\d .*seg/s", screen), screen


def test_end_leaves_the_report(dashboard):
    terminal = dashboard(100, 60, seconds=3)
    screen = terminal.wait(r"status=[04]", 30)
    assert "Result: " in screen
    is_sane(terminal)
