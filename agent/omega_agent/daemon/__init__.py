"""`omega run`: the agent that waits on the line.

    waiter (a thread)   holds the check-in; puts answers, silence and refusals into one queue
    foreman (pure)      what is to be done next, given what came and what time it is
    journal             every instruction under way, on the disk before anything is done about it
    crew                the one measurement at a time, in a process of its own
    loop                takes from the queue, asks the foreman, does the one thing he says

A measurement runs in a child process: what it loads is given back when it ends, and a defect in it
is reported instead of ending the daemon. All connections go out from here.
"""
