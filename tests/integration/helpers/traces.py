"""What one player asked a server for, told from another by its user agent, and how two such
traces compare."""
import collections
import math
import re
import statistics


class Trace:
    def __init__(self, log, agent):
        rows = [row for row in log if row["agent"] == agent]
        for row in rows:
            row["asked"] = row["at"] - row["took"]
        self.rows = sorted(rows, key=lambda row: row["asked"])
        assert self.rows, f"nobody called {agent} asked for anything"
        self.start = self.rows[0]["asked"]

    def cut(self, seconds):
        """Forgets what was asked later than that after the first request."""
        self.rows = [row for row in self.rows if row["asked"] - self.start <= seconds]

    def playlists(self):
        return [row for row in self.rows if row["uri"].split("?")[0].endswith(".m3u8")]

    def media(self):
        """The segments by the folder of their playlist, in the order of their requests."""
        found = collections.defaultdict(list)
        for row in self.rows:
            if row["uri"].endswith((".ts", ".m4s")):
                found[row["uri"].rsplit("/", 1)[0]].append(row)
        return found

    def segments(self, folder=""):
        return [row["uri"] for row in self.media()[folder]]

    def connections(self):
        return len({row["connection"] for row in self.rows})

    def after_errors(self):
        """What came over a connection that had brought an error before."""
        return [row for i, row in enumerate(self.rows)
                if any(other["connection"] == row["connection"] and other["status"] >= 400
                       for other in self.rows[:i])]

    def carried(self):
        """What each connection carried, each URL in order; in no order of connections."""
        found = collections.defaultdict(list)
        for row in self.rows:
            found[row["connection"]].append(row["uri"])
        return sorted(found.values())

    def kinds_carried(self):
        """The same of a live stream, where it matters of which playlist a segment is, not which
        one it is."""
        return sorted(sorted({re.sub(r"/s[0-9]+\.ts$", "/*", uri) for uri in uris})
                      for uris in self.carried())

    def ranges(self):
        return {row["range"] for row in self.rows}

    def gaps(self, rows):
        """Seconds between requests."""
        return [b["asked"] - a["asked"] for a, b in zip(rows, rows[1:])]

    def times(self, folder=""):
        """When each segment was asked for, in seconds after the first request."""
        return {row["uri"]: row["asked"] - self.start for row in self.media()[folder]}


def number_of(uri):
    """The number in a segment's name."""
    return int("".join(c for c in uri.rsplit("/", 1)[1].split(".")[0] if c.isdigit()))


def edge_at(folder, at, segment_s):
    """How far the packager in the folder had come at that time, in segments: 7.25 is a quarter of
    a segment after the end of number 6. Counted back from a segment that is still there."""
    path = max([*folder.glob("*.ts"), *folder.glob("*.m4s")], key=lambda path: path.stat().st_mtime)
    return number_of(f"/{path.name}") + 1 - (path.stat().st_mtime - at) / segment_s


def behind_edge(trace, folder, root, segment_s):
    """How many segments the first one lies before the newest that its playlist listed, and
    whether that playlist was loaded while a segment was just being finished."""
    first = trace.media()[folder][0]
    looked = max(row["asked"] for row in trace.playlists()
                 if row["uri"].rsplit("/", 1)[0] == folder and row["asked"] <= first["asked"])
    edge = edge_at(root / folder.lstrip("/"), looked, segment_s)
    distance_s = abs(edge - round(edge)) * segment_s
    return math.floor(edge) - 1 - number_of(first["uri"]), distance_s < 0.1


def check_same_segments(real, model, folder, root, segment_s=1):
    """Each segment once and in order, from the same place behind the live edge on. The players
    need not have come at the same moment: on a busy machine a process takes its time."""
    lengths = []
    for trace in (real, model):
        numbers = [number_of(uri) for uri in trace.segments(folder)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
        lengths.append(len(numbers))
    assert abs(lengths[0] - lengths[1]) <= 2, lengths
    (a, a_unsure), (b, b_unsure) = (behind_edge(trace, folder, root, segment_s)
                                    for trace in (real, model))
    assert abs(a - b) <= (1 if a_unsure or b_unsure else 0), (a, b)


def median_shift(real, model, folder=""):
    """How much later the model asks for a segment of the same place in its session."""
    a = sorted(real.times(folder).values())
    b = sorted(model.times(folder).values())
    return statistics.median(y - x for x, y in zip(a, b))
