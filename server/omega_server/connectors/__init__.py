"""Posting diagnostics to the ticket systems operators have: at least once, and shown once.

config      which systems, where, with what secret: a TOML file
diagnostic  what is told of one record, in words and as files
port        what a ticket system must be able to do
http_door   the one door to them: requests, and what their answers mean
zammad, request_tracker, glpi, webhook      the systems
pace        when to try again: pure
courier     takes one delivery after the other out of the store and hands it over
postmen     a thread for each system, from the server's start to its stop
"""
