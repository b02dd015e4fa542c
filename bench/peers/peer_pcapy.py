"""peer_pcapy: Python with pcapy, which reads by libpcap; struct takes packets apart.

By next, a packet at a time, since with Python 3.11 its loop fails in every callback.

    python3 peer_pcapy.py count|match|sources|flows|loop|callback|callback_match FILE
"""
import collections
import socket
import struct
import sys

import pcapy

TCP, UDP, SYN = 6, 17, 2
two_bytes = struct.Struct(">H").unpack_from
four_bytes = struct.Struct(">HH").unpack_from


def address(raw):
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def find_ip(frame):
    """Protocol, source, destination, and where its transport begins; or None."""
    at = 14
    kind, = two_bytes(frame, 12)
    while kind in (0x8100, 0x88a8):
        kind, = two_bytes(frame, at + 2)
        at += 4
    if kind == 0x0800:
        later = two_bytes(frame, at + 6)[0] & 0x1fff
        transport = len(frame) if later else at + (frame[at] & 15) * 4
        return frame[at + 9], frame[at + 12:at + 16], frame[at + 16:at + 20], transport
    if kind == 0x86dd:
        return frame[at + 6], frame[at + 8:at + 24], frame[at + 24:at + 40], at + 40
    return None


class Tasks:
    """A method for each task, called with each packet; finish prints the answer."""

    def __init__(self):
        self.packets = self.bytes = 0
        self.sums = collections.Counter()

    def loop(self, header, frame):
        self.packets += 1

    callback = loop

    def count(self, header, frame):
        self.packets += 1
        self.bytes += header.getlen()

    def match(self, header, frame):
        ip = find_ip(frame)
        if ip and ip[0] == TCP and ip[3] + 14 <= len(frame):
            if two_bytes(frame, ip[3] + 2)[0] == 443 or frame[ip[3] + 13] & SYN:
                self.packets += 1

    callback_match = match

    def sources(self, header, frame):
        ip = find_ip(frame)
        if ip:
            self.sums[ip[1]] += header.getlen()

    def flows(self, header, frame):
        ip = find_ip(frame)
        if ip and ip[0] in (TCP, UDP) and ip[3] + 4 <= len(frame):
            self.sums[ip[1], ip[2], *four_bytes(frame, ip[3]), ip[0]] += header.getlen()

    def finish(self, task):
        if task == "count":
            print(self.packets, self.bytes)
        elif task == "sources":
            for src, size in self.sums.most_common(10):
                print(address(src), size, sep="\t")
        elif task == "flows":
            print(len(self.sums), "flows")
            for (src, dst, sport, dport, proto), size in self.sums.most_common(10):
                print(address(src), address(dst), sport, dport, proto, size, sep="\t")
        else:
            print(self.packets)


tasks = Tasks()
reader = pcapy.open_offline(sys.argv[2])
do_packet = getattr(tasks, sys.argv[1])
header, frame = reader.next()
while header is not None:
    do_packet(header, frame)
    header, frame = reader.next()
tasks.finish(sys.argv[1])
