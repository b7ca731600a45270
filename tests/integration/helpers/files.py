"""A plain server of files whose answers a test can slow down and count."""
import collections
import functools
import gzip
import http.server
import pathlib
import threading
import time
from urllib.parse import parse_qsl


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t",
                      ".hls": "application/vnd.apple.mpegurl; charset=utf-8",
                      ".aud": "Audio/MPEGURL", "": "text/plain"}

    def do_GET(self):
        path = self.path.split("?")[0]
        self.server.asked[path] += 1
        self.server.urls.append(self.path)
        time.sleep(self.server.delay_s.get(path, 0))
        answer = self.server.answers.get(path)
        if answer is None:
            super().do_GET()
            return
        status, text = answer(dict(parse_qsl(self.path.partition("?")[2])))
        body = gzip.compress(text.encode())
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.apple.mpegurl")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Files:
    """Serves `folder` on a free port. delay_s: how much later a path is answered; asked: how often
    each was asked for; urls: all that were; answers: a function of the query that gives status
    and text of a path."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=self.folder))
        self.server.delay_s = self.delay_s = {}
        self.server.urls = self.urls = []
        self.server.answers = self.answers = {}
        self.server.asked = self.asked = collections.Counter()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write(self, name, *lines):
        (self.folder / name).write_text("\n".join(lines) + "\n")
        return f"{self.url}/{name}"

    def end(self):
        self.server.shutdown()
        self.server.server_close()
