"""Shoal's own test origin as a process."""
import json
import re
import signal
import urllib.request

from .process import Process, wait_for
from .shoal import shoal_path


class Origin:
    def __init__(self, log, *arguments, streams=None, prefix=()):
        self.output_path = log
        self.prefix = list(prefix)
        self.arguments = list(arguments)
        if "--listen" not in self.arguments:
            self.arguments = ["--listen", "127.0.0.1:0", *self.arguments]
        for stream in streams or []:
            self.arguments += ["--stream", stream]
        self.process = None

    def start(self):
        self.process = Process([*self.prefix, shoal_path(), "origin", *self.arguments],
                               self.output_path)
        wait_for(lambda: self.urls or not self.process.alive(), "the origin to listen")
        assert self.process.alive(), self.process.log_text()

    @property
    def urls(self):
        return re.findall(r"https?://\S+", self.process.log_text())

    @property
    def base(self):
        return re.match(r"https?://[^/]+", self.urls[0]).group(0)

    def stats(self):
        with urllib.request.urlopen(f"{self.base}/_origin/stats.json", timeout=10) as answer:
            return json.load(answer)

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def end(self):
        if self.process is not None:
            self.process.end()
