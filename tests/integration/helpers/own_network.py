"""A network of one's own, so that a test may set what the kernel keeps for each network: run as a
program it brings the loopback up, sets the range of source ports and becomes the command given.

    unshare --map-root-user --net python3 own_network.py 'LOW HIGH' COMMAND..."""
import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def outside(ports):
    """What to put in front of a command that shall run in a new network."""
    return ["unshare", "--map-root-user", "--net", sys.executable, __file__, ports]


def beside(pid):
    """What to put in front of a command that shall run in the network of that process."""
    return ["nsenter", "--preserve-credentials", "--user", "--net", "--target", str(pid)]


def is_possible():
    """Not everywhere: containers often forbid it."""
    return subprocess.run([*outside("40000 40100"), "true"], capture_output=True,
                          check=False).returncode == 0


def main():
    ports, *command = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as file:
        file.write(ports)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
