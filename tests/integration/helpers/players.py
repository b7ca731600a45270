"""The processes that play: found by their parent, looked at by their state."""
import os
import pathlib

# SHOAL_FFMPEG names another binary than that of the machine, to see another version pass.
ENGINE = ("--engine", "ffmpeg",
          *(("--ffmpeg", os.environ["SHOAL_FFMPEG"]) if "SHOAL_FFMPEG" in os.environ else ()))


def stat_of(pid):
    """(state, parent) of a process, or None when there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = text.rsplit(")", 1)[1].split()[:2]
    return state, int(parent)


def children_of(parent):
    """Pids of the children of a process that have a program of their own by now."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = stat_of(name)
            if stat and stat[1] == parent and stat[0] != "Z":
                found.append(int(name))
    return found


def is_running(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return None


def begun_s(pid):
    """When a process was forked, in seconds since the machine's start, to a hundredth."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")
