"""peer_dpkt: Python with dpkt, which reads the file and decodes the packets.

    python3 peer_dpkt.py count|match|sources|flows|callback_match FILE
"""
import collections
import socket
import sys

import dpkt


def address(raw):
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def packets(reader):
    """The outermost IP packet and the length of each frame that has one."""
    for _, frame in reader:
        ip = dpkt.ethernet.Ethernet(frame).data
        if isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)):
            yield ip, len(frame)


def count(reader):
    n = size = 0
    for _, frame in reader:
        n += 1
        size += len(frame)
    print(n, size)


def match(reader):
    n = 0
    for ip, _ in packets(reader):
        tcp = ip.data
        if isinstance(tcp, dpkt.tcp.TCP) and (tcp.dport == 443 or tcp.flags & dpkt.tcp.TH_SYN):
            n += 1
    print(n)


def sources(reader):
    sums = collections.Counter()
    for ip, size in packets(reader):
        sums[ip.src] += size
    for src, size in sums.most_common(10):
        print(address(src), size, sep="\t")


def flows(reader):
    sums = collections.Counter()
    for ip, size in packets(reader):
        inner = ip.data
        if isinstance(inner, (dpkt.tcp.TCP, dpkt.udp.UDP)):
            proto = 6 if isinstance(inner, dpkt.tcp.TCP) else 17
            sums[ip.src, ip.dst, inner.sport, inner.dport, proto] += size
    print(len(sums), "flows")
    for (src, dst, sport, dport, proto), size in sums.most_common(10):
        print(address(src), address(dst), sport, dport, proto, size, sep="\t")


TASKS = {"count": count, "match": match, "sources": sources, "flows": flows,
         "callback_match": match}

with open(sys.argv[2], "rb") as file:
    TASKS[sys.argv[1]](dpkt.pcap.Reader(file))
