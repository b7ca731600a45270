"""What the programs here share: a real nginx in a folder of its own, and the kernel's figures."""

import os
import re
import resource
import socket
import subprocess
import sys
import time

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

NGINX_CONF = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 19000; }}
http {{
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  log_format requests '$msec $request_time $status $body_bytes_sent $request_uri';
  access_log {folder}/access.log requests buffer=1m;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  open_file_cache max=1000;
  open_file_cache_valid 1s;
  client_body_temp_path {folder}/tmp1; proxy_temp_path {folder}/tmp2;
  fastcgi_temp_path {folder}/tmp3; uwsgi_temp_path {folder}/tmp4; scgi_temp_path {folder}/tmp5;
  server {{ listen 127.0.0.1:{port} backlog=16384; root {folder}/www; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def socket_memory():
    """Kernel memory of TCP sockets in bytes."""
    with open("/proc/net/sockstat") as file:
        match = re.search(r"^TCP:.* mem (\d+)", file.read(), re.M)
    return int(match.group(1)) * resource.getpagesize() if match else 0


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what} did not happen within {seconds} s")
        time.sleep(0.1)


def start_nginx(folder, port):
    """nginx serving folder/www; its log is folder/access.log."""
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write("user root;" + NGINX_CONF.format(folder=folder, port=port))
    return subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"])
