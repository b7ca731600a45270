#!/usr/bin/env python3
"""CPU per small request, per gigabyte drained, and over connections: net/ beside a bare epoll
loop and wrk, in one run against one nginx.

    bench/net/run.py BUILD/bench/net/bench_net [SECONDS]

Each figure is the least of several turns, taken in alternation, because other work on the
machine only ever adds to it.
"""
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TURNS = 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_nginx(folder, port):
    with open(f"{folder}/nginx.conf", "w") as f:
        f.write(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 15000; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  keepalive_timeout 300; open_file_cache max=10;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; }} }}
""")
    os.mkdir(f"{folder}/www")
    with open(f"{folder}/www/small", "wb") as f:
        f.write(b"#EXTM3U\n" + b"x" * 492)
    with open(f"{folder}/www/large", "wb") as f:
        f.write(os.urandom(1 << 20) * 4)
    nginx = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"],
                             stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return nginx
        except OSError:
            if time.monotonic() > deadline or nginx.poll() is not None:
                raise
            time.sleep(0.05)


def run_ours(program, how, sink, port, path, connections, seconds):
    out = subprocess.run([program, how, sink, "127.0.0.1", str(port), path, str(connections),
                          str(seconds)], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def run_wrk(port, path, connections, seconds):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                          f"http://127.0.0.1:{port}{path}"],
                         capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    if requests == 0:  # on a busy machine wrk may not get beyond connecting
        return {"cpu_us_per_request": float("inf"), "cpu_s_per_gb": float("inf")}
    return {"cpu_us_per_request": cpu * 1e6 / requests,
            "cpu_s_per_gb": cpu / (requests * (4 << 20) * 1e-9)}


def compare(title, key, unit, ways):
    best = {}
    for _ in range(TURNS):
        for name, run in ways.items():
            best[name] = min(best.get(name, float("inf")), run()[key])
    floor = best["bare"]
    print(f"{title}:")
    for name, value in best.items():
        print(f"  {name:6} {value:9.3f} {unit}   {value / floor:5.2f} x the bare loop")
    return best


def main():
    program = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    folder = tempfile.mkdtemp(prefix="shoal-bench-net-")
    os.chmod(folder, 0o755)
    port = free_port()
    nginx = start_nginx(folder, port)
    try:
        for connections in (100, 9000):
            compare(f"small GET, {connections} connections", "cpu_us_per_request", "us", {
                "bare": lambda: run_ours(program, "bare", "get", port, "/small", connections,
                                         seconds),
                "shoal": lambda: run_ours(program, "shoal", "get", port, "/small",
                                          connections, seconds),
                "wrk": lambda: run_wrk(port, "/small", connections, seconds)})
        compare("drained, 50 connections, 4 MiB each", "cpu_s_per_gb", "s/GB", {
            "bare": lambda: run_ours(program, "bare", "drain", port, "/large", 50, seconds),
            "shoal": lambda: run_ours(program, "shoal", "drain", port, "/large", 50, seconds),
            "wrk": lambda: run_wrk(port, "/large", 50, seconds)})
    finally:
        nginx.terminate()
        nginx.wait()
        shutil.rmtree(folder)


main()
