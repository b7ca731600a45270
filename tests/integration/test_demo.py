"""The two commands of the README."""
import re

import pytest


@pytest.mark.slow
def test_demo_plays_reports_and_leaves_nothing_behind(shoal):
    status, out, err = shoal.command("demo", "--duration", "6s", "--viewers", 100,
                                     deadline_s=60)
    assert status == 0, err
    assert re.search(r"segments +\d", out), out
    assert re.search(r"0:0\d .*viewers", err), err
    origin = re.search(r"http://127\.0\.0\.1:(\d+)/", out + err).group(1)
    import socket
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(origin)), timeout=2)
