"""Fixtures of the tests against real peers. See helpers/ for what they are made of.

Every test gets folders, ports and processes of its own; what a test starts is ended by its
fixture, also when the test fails.
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from helpers.files import Files  # noqa: E402
from helpers.media import make_vod, start_live  # noqa: E402
from helpers.nginx import Nginx  # noqa: E402
from helpers.origin import Origin  # noqa: E402
from helpers.shoal import Shoal, shoal_path  # noqa: E402


# What measures time so finely that a busy machine would show in the figures. They wait for most
# of their time, so a few of them can wait side by side.
TIMED = {"test_stalls", "test_view_rates", "test_ffmpeg_referee", "test_gstreamer_referee",
         "test_hlsjs_referee"}


def pytest_collection_modifyitems(items):
    """Marks what measures time, and puts the short ones last, where they fill the gaps."""
    for item in items:
        if item.path.stem in TIMED and item.get_closest_marker("alone") is None:
            item.add_marker(pytest.mark.timed)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    config.addinivalue_line("markers", "timed: measures time; runs beside few others")
    config.addinivalue_line("markers", "alone: fills the machine; runs by itself")
    if not os.access(shoal_path(), os.X_OK):
        pytest.exit(f"no binary at {shoal_path()}: run make first, or set SHOAL", returncode=3)


@pytest.fixture
def shoal(tmp_path):
    """Runs the binary; ends what still runs."""
    runner = Shoal(tmp_path)
    yield runner
    runner.end()


@pytest.fixture
def nginx(tmp_path):
    """Makes nginx servers: nginx(root, ...) starts one and returns it."""
    servers = []

    def make(root, **options):
        server = Nginx(tmp_path / f"nginx{len(servers)}", root, **options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.end()


@pytest.fixture
def origin(tmp_path):
    """Makes test origins: origin("--fault", "status=404") starts one and returns it."""
    origins = []

    def make(*arguments, **options):
        one = Origin(tmp_path / f"origin{len(origins)}.txt", *arguments, **options)
        origins.append(one)
        one.start()
        return one

    yield make
    for one in origins:
        one.end()


@pytest.fixture
def serve(tmp_path):
    """Serves the folder `www` as it is."""
    files = Files(tmp_path / "www")
    yield files
    files.end()


@pytest.fixture
def live(tmp_path):
    """Makes real live streams: live(folder, ...) starts ffmpeg and waits for the playlists."""
    packagers = []

    def make(folder, **options):
        packager = start_live(folder, **options)
        packagers.append(packager)
        packager.wait_ready()
        return packager

    yield make
    for packager in packagers:
        packager.end()


@pytest.fixture(scope="session")
def vod(tmp_path_factory):
    """Makes real VOD streams, each once a session: vod("ts", ...) returns its folder."""
    made = {}

    def make(kind, **options):
        key = (kind, tuple(sorted(options.items())))
        if key not in made:
            made[key] = tmp_path_factory.mktemp(f"vod-{kind}")
            make_vod(made[key], kind, **options)
        return made[key]

    return make
