"""The availability watch of the agent: what it sends, what it keeps, and what it signs.

client     what goes to the test point and what comes back: octets
watch      attempts each second, on a socket that its host waits for
journal    the window under way, through any power cut
book       windows into sealed records, on a disk that may be full
leave      the standing grant, and the server as a witness
"""
