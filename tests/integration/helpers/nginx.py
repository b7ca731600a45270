"""A real nginx with a configuration, an access log and ports of its own."""
import json
import os
import pathlib
import signal

from .process import Process, free_port, port_answers, wait_for

LOG_FORMAT = ("escape=json '{\"at\":$msec,\"took\":$request_time,\"connection\":$connection,"
              "\"number\":$connection_requests,\"status\":$status,\"bytes\":$body_bytes_sent,"
              "\"method\":\"$request_method\",\"uri\":\"$request_uri\",\"agent\":"
              "\"$http_user_agent\",\"range\":\"$http_range\",\"cookie\":\"$http_cookie\","
              "\"encoding\":\"$http_accept_encoding\",\"host\":\"$http_host\","
              "\"server\":\"$server_addr\",\"ok\":"
              "\"$request_completion\"}'")

CONF = """
daemon off;
worker_processes {workers};
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 40000;
events {{ worker_connections 20000; }}
http {{
    types {{
        application/vnd.apple.mpegurl m3u8;
        video/mp2t ts;
        video/mp4 mp4 m4s;
        text/vtt vtt;
    }}
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format shoal {log_format};
    access_log {folder}/access.log shoal;
    keepalive_timeout 3600s;
    keepalive_requests 1000000;
    sendfile on;
    tcp_nopush on;
    server {{
        {listen}
        root {root};
        {server}
    }}
}}
"""

PREFLIGHT = "shoal-preflight/"


class Nginx:
    """`server` is text for the server block; {folder} and {port} in it are filled in."""

    def __init__(self, folder, root, server="", address="127.0.0.1", tls=None, workers=1):
        self.folder = pathlib.Path(folder)
        self.root = pathlib.Path(root)
        self.address = address
        self.server, self.tls, self.workers = server, tls, workers
        self.port = free_port(address)
        self.process = None
        for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def base(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def url(self, path):
        return f"{self.base}/{path.lstrip('/')}"

    def write_conf(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        listen = f"listen {host}:{self.port}{' ssl' if self.tls else ''} backlog=16384;"
        if self.tls:
            listen += f" ssl_certificate {self.tls[0]}; ssl_certificate_key {self.tls[1]};"
        server = self.server.replace("{port}", str(self.port)).replace("{base}", self.base)
        user = "user root;" if os.getuid() == 0 else ""
        conf = self.folder / "nginx.conf"
        conf.write_text(CONF.format(folder=self.folder, root=self.root, listen=listen,
                                    server=server, user=user, workers=self.workers,
                                    log_format=LOG_FORMAT))
        return conf

    def start(self):
        conf = self.write_conf()
        self.process = Process(["nginx", "-p", str(self.folder), "-c", str(conf)],
                               self.folder / "output.log")
        wait_for(lambda: port_answers(self.port, self.address) or not self.process.alive(),
                 "nginx to listen")
        assert self.process.alive(), self.process.log_text()

    def quit(self):
        """Lets nginx finish what it serves and write its log."""
        os.kill(self.process.pid, signal.SIGQUIT)
        self.process.wait(30)

    def stop(self):
        """Closes every connection at once."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(10)

    def restart(self):
        self.process.log.close()
        self.start()

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def end(self):
        if self.process is not None:
            self.process.end()

    def log(self, preflight=False):
        """The requests served, as dictionaries; the preflight's only when asked for."""
        found = []
        text = (self.folder / "access.log").read_text()
        # While nginx serves, the end of its last line may still be on its way.
        for line in text[:text.rfind("\n") + 1].splitlines():
            row = json.loads(line)
            if row["status"] == 400 and not row["uri"]:
                continue  # a connection that never asked for anything
            if row["agent"].startswith(PREFLIGHT) == preflight:
                found.append(row)
        return found

    def paths(self, **options):
        """What was asked for, in order, without the query."""
        return [row["uri"] for row in self.log(**options)]
