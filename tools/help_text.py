"""Reads `shoal COMMAND --help`, so that man pages, completions and their check come from the one
table of options that the binary itself has."""
import re
import subprocess

OPTION = re.compile(r"^  (?:-(\S), |    )--(\S+)(?: (\S.*))?$")
COLUMN = 30


class Option:
    def __init__(self, letter, name, argument):
        self.letter, self.name, self.argument, self.text = letter, name, argument or "", ""

    def choices(self):
        """The words that the value can be, where help names them."""
        words = self.argument.split("|")
        return [word for word in words if re.fullmatch(r"[a-z][a-z0-9.-]*", word)] \
            if len(words) > 1 or self.name in ("engine", "player") else []


class Help:
    """Usage, summary, groups of options, and the paragraphs after them."""

    def __init__(self, text):
        self.usage = self.summary = ""
        self.groups, self.tail = [], []
        lines = text.splitlines()
        self.usage = lines[0].replace("Usage: ", "", 1)
        place, option = "summary", None
        for line in lines[1:]:
            if place != "tail" and re.fullmatch(r"[A-Z][A-Za-z ]+:", line):
                self.groups.append((line[:-1], []))
                place = "options"
            elif place == "summary":
                self.summary = (self.summary + " " + line).strip()
            elif place == "options" and line.startswith("  "):
                option = self.option_line(line, option)
            elif place == "options" and not line:
                place = "between"
            elif line or place == "tail":
                place = "tail"
                self.tail.append(line)

    def option_line(self, line, option):
        if line[:COLUMN].strip() == "":
            option.text = (option.text + " " + line.strip()).strip()
            return option
        # The words begin at a fixed column where the head leaves room for it.
        head, text = line, ""
        if len(line) > COLUMN and line[COLUMN - 2:COLUMN] == "  ":
            head, text = line[:COLUMN].rstrip(), line[COLUMN:]
        match = OPTION.match(head)
        option = Option(match.group(1), match.group(2), match.group(3))
        option.text = text.strip()
        self.groups[-1][1].append(option)
        return option

    def options(self):
        return [option for _, group in self.groups for option in group]


def read(shoal, *command):
    return subprocess.run([shoal, *command, "--help"], check=True, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL).stdout


def commands(shoal):
    """The subcommands of a binary with their one line."""
    found = []
    listing = False
    for line in read(shoal).splitlines():
        listing = (listing and line.startswith("  ")) or line == "Commands:"
        match = re.match(r"  (\S+) +(\S.*)$", line)
        if listing and match:
            found.append((match.group(1), match.group(2)))
    return found
