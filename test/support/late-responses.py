"""Responds to connections to a network late, and only the Nth to each address and port: a slow path that loses packets. N 0: all.

usage: late-responses.py INTERFACE PREFIX DELAY-MS N

The kernel must drop these SYNs itself. Prints `ready` once it listens.
"""
import collections
import socket
import struct
import sys
import threading

SYN, SYN_ACK = 0x02, 0x12
interface, prefix, delay_ms, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
packets.bind((interface, 0x0800))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
ports = collections.defaultdict(list)


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def respond(source, target, source_port, target_port, number):
    def segment(check):
        return struct.pack('!HHIIBBHHH', target_port, source_port, 1, (number + 1) & 0xFFFFFFFF, 5 << 4, SYN_ACK, 65535, check, 0)

    pseudo = target + source + struct.pack('!BBH', 0, socket.IPPROTO_TCP, 20)
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, target, source)
    raw.sendto(header + segment(checksum(pseudo + segment(0))), (socket.inet_ntoa(source), 0))


print('ready', flush=True)
while True:
    packet = packets.recv(65535)
    at = (packet[0] & 15) * 4
    if packet[9] != socket.IPPROTO_TCP or packet[at + 13] != SYN:
        continue
    source, target = packet[12:16], packet[16:20]
    if not socket.inet_ntoa(target).startswith(prefix):
        continue
    source_port, target_port, number = struct.unpack('!HHI', packet[at:at + 8])
    tries = ports[(source, target, target_port)]
    if source_port in tries:
        continue  # the kernel of the client sends its SYN again
    tries.append(source_port)
    if wanted in (0, len(tries)):
        threading.Timer(delay_ms / 1000, respond, (source, target, source_port, target_port, number)).start()
