"""What both ends need from Linux: the one place of core that opens sockets.

linux        numbers that Python has no names for, and the few calls that need them
tcp_info     what the kernel says of a connection
flows        one TCP flow of a goodput run, sending or receiving, in a thread of its own
datagrams    UDP with the kernel's receive time, TTL and drop counter
"""
