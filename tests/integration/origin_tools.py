"""Looks at the test origin from outside: plain sockets, curl, ffprobe, ffmpeg."""
import http.client
import json
import re
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse


def get(url, headers=None, method="GET", context=None, timeout=10):
    """One request on a connection of its own: status, fields, body."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                 context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(url, request, timeout=10, limit=1 << 20):
    """Sends bytes and returns what comes until the end, the limit, or the time is over; the
    second value says how it ended: "closed", "reset", "timeout" or "limit"."""
    parts = urllib.parse.urlsplit(url)
    received, deadline = b"", time.monotonic() + timeout
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as one:
        one.sendall(request)
        try:
            while len(received) < limit:
                one.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = one.recv(65536)
                if not piece:
                    return received, "closed"
                received += piece
        except ConnectionResetError:
            return received, "reset"
        except socket.timeout:
            return received, "timeout"
    return received, "limit"


def uris(playlist):
    return [line for line in playlist.decode().splitlines() if line and line[0] != "#"]


def tag(playlist, name):
    """The value of a tag that stands once in the playlist, or None."""
    found = re.findall(rf"^#{name}:(.*)$", playlist.decode(), re.MULTILINE)
    return found[0] if found else None


def ffprobe(url, *options):
    """What ffprobe says of a stream, as JSON; nothing may be complained about."""
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format",
                           "-show_streams", *options, url], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b"", done.stderr.decode()
    return json.loads(done.stdout)


def ffmpeg_decodes(url, *options, allowed=()):
    """Decodes every stream; fails on each complaint but those allowed. Returns the frames of
    video and of audio that were decoded."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "level+verbose",
                           *options, "-i", url, "-map", "0", "-f", "null", "-"],
                          capture_output=True, timeout=120)
    text = done.stderr.decode(errors="replace")
    complaints = [line for line in text.splitlines()
                  if re.search(r"\[(error|fatal|panic|warning)\]", line)
                  and not any(word in line for word in allowed)]
    assert done.returncode == 0 and not complaints, "\n".join(complaints) or text[-2000:]
    video = sum(map(int, re.findall(r"\(video\):.*?(\d+) frames decoded", text)))
    audio = sum(map(int, re.findall(r"\(audio\):.*?(\d+) frames decoded", text)))
    return video, audio


def dns_query(port, name, kind=1, timeout=2):
    """Asks the DNS responder; returns (rcode, list of addresses as bytes) or None."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + question + b"\0" + \
        struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(timeout)
        one.sendto(query, ("127.0.0.1", port))
        try:
            answer = one.recv(512)
        except socket.timeout:
            return None
    identity, flags, _, count = struct.unpack(">HHHH", answer[:8])
    assert identity == 7 and flags & 0x8000
    at, found = len(query), []
    for _ in range(count):
        length = struct.unpack(">H", answer[at + 10:at + 12])[0]
        found.append(answer[at + 12:at + 12 + length])
        at += 12 + length
    return flags & 15, found


def trusting(certificate):
    return ssl.create_default_context(cafile=str(certificate))
