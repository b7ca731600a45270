"""Processes with an end, ports that are free, and waiting for a condition."""
import errno
import itertools
import os
import random
import signal
import socket
import subprocess
import time


# Below the ports that the system gives to outgoing connections, and a range for each process of
# a run side by side: between asking and listening neither a swarm nor another test takes one.
PORTS_BEGIN, PORTS_OF_A_WORKER, WORKERS = 16000, 1000, 16
PORTS_TAKEN = itertools.count(random.randrange(PORTS_OF_A_WORKER))


def free_port(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % WORKERS
    begin = PORTS_BEGIN + worker * PORTS_OF_A_WORKER
    for number in itertools.islice(PORTS_TAKEN, PORTS_OF_A_WORKER):
        with socket.socket(family) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((address, begin + number % PORTS_OF_A_WORKER))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            return one.getsockname()[1]
    raise AssertionError(f"no free port from {begin} on")


def has_ipv6():
    try:
        free_port("::1")
        return True
    except OSError:
        return False


def let_pass(seconds):
    """Lets time go by that belongs to a scenario, such as how long an outage lasts, or paces
    samples. Never a hope that something will have happened by then: that is wait_for."""
    time.sleep(seconds)


def wait_for(condition, what, deadline_s=10.0, every_s=0.01):
    """Returns the first true value of condition(), which is asked `every_s`; fails with `what`
    after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s for {what}")
        time.sleep(every_s)


def port_answers(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def default_signals():
    """In a child before it runs: what started the tests (nohup, a shell's background) may have
    had these ignored, and that is inherited."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Process:
    """A child that dies with the test: in a session of its own, killed as a group."""

    def __init__(self, arguments, log, **options):
        self.log_path = log
        self.log = open(log, "ab")
        self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=self.log,
                                      stdout=options.pop("stdout", self.log),
                                      start_new_session=True, preexec_fn=default_signals,
                                      **options)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            os.killpg(self.child.pid, number)

    def wait(self, deadline_s=10):
        return self.child.wait(deadline_s)

    def end(self):
        for number in (signal.SIGCONT, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, number)
            except ProcessLookupError:
                pass
        self.child.wait(10)
        self.log.close()

    def log_text(self):
        self.log.flush()
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]
