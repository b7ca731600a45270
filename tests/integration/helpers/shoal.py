"""Runs the binary under test and reads its report."""
import json
import os
import pathlib
import signal
import subprocess

from .process import Process

ROOT = pathlib.Path(__file__).resolve().parents[3]


def shoal_path():
    return os.environ.get("SHOAL", str(ROOT / "build/shoal"))


def read_failures(path):
    """The failures of a log of --failures; its last line, which counts, is left out."""
    *rows, tally = [json.loads(line) for line in path.read_text().splitlines()]
    assert tally["sampled"] == len(rows)
    return rows


class Report:
    """A finished run: exit status, what it printed, and its JSON report."""

    def __init__(self, status, output, path):
        self.status, self.output = status, output
        self.json = json.loads(path.read_text()) if path and path.exists() else None

    def __getitem__(self, name):
        """A counter by its name."""
        return self.json["counters"][name]

    def label(self, name, value):
        """One value of a labelled counter; 0 when it never happened."""
        return self.json["labels"].get(name, {}).get("values", {}).get(str(value), 0)

    def labels(self, name):
        values = self.json["labels"].get(name, {}).get("values", {})
        return {key: count for key, count in values.items() if count}

    def failures(self):
        return self.labels("failures")

    def count(self, histogram):
        return self.json["histograms"][histogram]["count"]

    def check_status(self, expected):
        """The exit status. On a machine that other tests keep busy the generator says, rightly,
        that its times are not to be trusted: 4 is taken for 0 or 1, but only where the report
        blames the machine's speed alone, and nothing else in it contradicts what was expected."""
        if self.status != 4 or expected not in (0, 1):
            assert self.status == expected, self.output
            return
        to_blame = {check["name"] for check in self.json["generator"]["checks"] if not check["ok"]}
        assert to_blame and to_blame <= {"timer_delay_p99", "worker_cpu", "stale_cut"}, to_blame
        passed = self["segments"] > 0 and all(one["pass"] for one in self.json["thresholds"])
        assert passed == (expected == 0), self.output

    def check_balance(self):
        """What holds in every report of a run that is over (nothing is in flight)."""
        assert self["http_requests"] == (self["http_responses"] + self["requests_aborted"] +
                                         self["requests_failed"]), self.json["counters"]
        assert self["sessions_started"] == self["sessions_ended"] + self["sessions_failed"]
        assert self["sessions_started"] == (self["sessions_played"] +
                                            self["sessions_unplayed"])
        assert self["stalls"] == self["stalls_over"] == self.count("stall")
        assert self["http_responses"] == sum(self.labels("http_responses").values())
        assert self["tcp_connects"] == self["connections_closed"]


class Running(Process):
    """A run in the background."""

    def __init__(self, folder, number, arguments, prefix=()):
        self.report_path = folder / f"report{number}.json"
        super().__init__([*prefix, shoal_path(), "run", "--no-tui", "--listen", "off", "--out",
                          str(self.report_path), *arguments], folder / f"run{number}.log")

    def interrupt(self):
        os.kill(self.pid, signal.SIGINT)

    def finish(self, deadline_s=120):
        try:
            status = self.wait(deadline_s)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"still running after {deadline_s} s: {self.log_text()}") from late
        return Report(status, self.log_text(), self.report_path)


class Shoal:
    def __init__(self, folder):
        self.folder, self.runs = folder, []

    def start(self, *arguments, prefix=()):
        """Starts `shoal run` with these arguments, a command such as prlimit in front of it if
        told so, and returns it running."""
        run = Running(self.folder, len(self.runs), [str(word) for word in arguments], prefix)
        self.runs.append(run)
        return run

    def run(self, *arguments, deadline_s=120, status=0, prefix=()):
        """Runs `shoal run` to its end; the exit status must be as told, None for any."""
        report = self.start(*arguments, prefix=prefix).finish(deadline_s)
        if status is not None:
            report.check_status(status)
        return report

    def command(self, *arguments, deadline_s=20, **options):
        """Runs any subcommand; returns (status, standard output, standard error)."""
        done = subprocess.run([shoal_path(), *[str(word) for word in arguments]],
                              capture_output=True, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", timeout=deadline_s, check=False, **options)
        return done.returncode, done.stdout, done.stderr

    def end(self):
        for run in self.runs:
            run.end()
