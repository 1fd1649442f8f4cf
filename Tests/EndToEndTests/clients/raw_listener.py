"""Prints every UDP payload to port 9 that an interface receives, read below the IP stack.

    raw_listener.py INTERFACE

One line for each: its destination, and the payload in hexadecimal digits. Needs Linux and root.
"""

import socket
import struct
import sys

ALL_PROTOCOLS = 3
IPV4 = 0x0800
UDP = 17


def main() -> None:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    wire.bind((sys.argv[1], 0))
    print("listening", flush=True)
    while True:
        frame = wire.recv(65536)
        if struct.unpack("!H", frame[12:14])[0] != IPV4:
            continue
        packet = frame[14:]
        header = (packet[0] & 0x0F) * 4
        if packet[9] != UDP:
            continue
        destination = socket.inet_ntoa(packet[16:20])
        port, length = struct.unpack("!HH", packet[header + 2 : header + 6])
        if port == 9:
            hardware = frame[0:6].hex()
            print(hardware, destination, packet[header + 8 : header + length].hex(), flush=True)


if __name__ == "__main__":
    main()
