"""Looks at a running swarm as people do: over HTTP, in a terminal, in a browser."""
import base64
import json
import os
import re
import socket
import struct
import subprocess
import urllib.error
import urllib.request

from helpers.process import Process, wait_for


def url_of(run):
    """Where a run that was started with --listen serves its figures."""
    found = wait_for(lambda: re.search(r"live figures at (http://\S+)/", run.log_text())
                     or not run.alive(), "the swarm to listen")
    assert found is not True, run.log_text()
    return found.group(1)


def get(url, headers=None, method="GET", timeout=10):
    """Status, fields and body, whatever the status is."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def check_status(report, expected=0):
    """The exit status, or 4 where this machine was too busy to be a load generator."""
    trusted = report.json["generator"]["trusted"]
    assert report.status == (expected if trusted else 4), report.output


def snapshot(base):
    return json.loads(get(f"{base}/api/v1/snapshot")[2])


def events(base, timeout=30):
    """The events of a stream until it ends, one by one."""
    with urllib.request.urlopen(f"{base}/api/v1/events", timeout=timeout) as answer:
        for line in answer:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def samples(text):
    """The samples of a Prometheus exposition: {name and labels: value}."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and not line.startswith("#")}


class Terminal:
    """A real terminal (tmux on a server of its own) in which one command runs."""

    def __init__(self, folder, width, height, environment=None):
        self.socket = str(folder / "tmux.sock")
        self.environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
                            **(environment or {})}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "-s", "t", "sh")
        self.tmux("set-option", "-g", "default-terminal", "screen-256color")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], env=self.environment,
                              capture_output=True, text=True, check=True, timeout=10).stdout

    def type(self, line):
        self.tmux("send-keys", "-t", "t", "-l", line)
        self.tmux("send-keys", "-t", "t", "Enter")

    def key(self, *names):
        self.tmux("send-keys", "-t", "t", *names)

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def screen(self, *more):
        return self.tmux("capture-pane", "-p", "-t", "t", *more)

    def wait(self, words, deadline_s=15):
        """The screen once it shows these words (a regular expression)."""
        last = ""

        def shows():
            nonlocal last
            last = self.screen()
            return last if re.search(words, last) else None
        try:
            return wait_for(shows, words, deadline_s)
        except AssertionError as late:
            raise AssertionError(f"no {words!r} on the screen:\n{last}") from late

    def end(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True,
                       check=False)


class Browser:
    """A real Chromium, headless, driven by its debugging protocol over a WebSocket."""

    def __init__(self, folder, width=1400, height=1600, dark=False):
        profile = folder / "chromium"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={profile}",
                 f"--window-size={width},{height}", "about:blank"]
        self.process = Process(["chromium", *flags], folder / "chromium.log")
        port_file = profile / "DevToolsActivePort"
        wait_for(lambda: port_file.exists() and port_file.read_text().count("\n") >= 1,
                 "Chromium to start", 30)
        self.port = int(port_file.read_text().split()[0])
        page = wait_for(self._page, "a page", 15)
        self.messages, self.number = [], 0
        self._open(page)
        for domain in ("Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")
        if dark:
            self.call("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def _page(self):
        pages = json.loads(get(f"http://127.0.0.1:{self.port}/json")[2])
        return next((one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page"), None)

    def _open(self, url):
        path = url.split(str(self.port), 1)[1]
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n")
                            .encode())
        self.stream = self.socket.makefile("rb")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def _send(self, text):
        body, mask = text.encode(), os.urandom(4)
        size = len(body)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else \
            struct.pack("!BBH", 0x81, 0x80 | 126, size) if size < 65536 else \
            struct.pack("!BBQ", 0x81, 0x80 | 127, size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def _receive(self):
        text = b""
        while True:
            first, size = self.stream.read(2)
            size &= 0x7f
            if size == 126:
                size = struct.unpack("!H", self.stream.read(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", self.stream.read(8))[0]
            text += self.stream.read(size)
            if first & 0x80:
                return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        self._send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self.messages.append(message)

    def open(self, url):
        self.call("Page.navigate", url=url)

    def value(self, expression):
        """What JavaScript makes of it; None while it throws (a page still loading)."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def resize(self, width, height, mobile=False):
        """The size of the page from now on, whatever that of the window is."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)

    def complaints(self):
        """Errors and warnings of the console, exceptions, refused loads."""
        self.value("0")
        found = []
        for message in self.messages:
            if message.get("method") == "Runtime.exceptionThrown":
                found.append(message["params"]["exceptionDetails"]["text"])
            elif message.get("method") == "Runtime.consoleAPICalled" and \
                    message["params"]["type"] in ("error", "warning", "assert"):
                found.append(str(message["params"]["args"]))
            elif message.get("method") == "Log.entryAdded" and \
                    message["params"]["entry"]["level"] in ("error", "warning"):
                found.append(message["params"]["entry"]["text"])
        return found

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def end(self):
        self.process.end()
