"""What one player asked a server for, told from another by its user agent, and how two such
traces compare."""
import collections
import statistics


class Trace:
    def __init__(self, log, agent):
        rows = [row for row in log if row["agent"] == agent]
        for row in rows:
            row["asked"] = row["at"] - row["took"]
        self.rows = sorted(rows, key=lambda row: row["asked"])
        assert self.rows, f"nobody called {agent} asked for anything"
        self.start = self.rows[0]["asked"]

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
    return int("".join(c for c in uri.rsplit("/", 1)[1] if c.isdigit()))


def check_same_segments(real, model, folder, ends=1):
    """The same segments in the same order, each once, but for `ends` at either end."""
    a, b = real.segments(folder), model.segments(folder)
    for uris in (a, b):
        numbers = [number_of(uri) for uri in uris]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), uris
    assert abs(number_of(a[0]) - number_of(b[0])) <= ends, (a[0], b[0])
    assert abs(number_of(a[-1]) - number_of(b[-1])) <= ends, (a[-1], b[-1])


def median_shift(real, model, folder=""):
    """How much later the model asks for a segment of the same place in its session."""
    a = sorted(real.times(folder).values())
    b = sorted(model.times(folder).values())
    return statistics.median(y - x for x, y in zip(a, b))
