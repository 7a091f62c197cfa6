"""How the Controller tells waiting agents what to do.

    clerk --> desk.issue --> row in the store --+--> hub (this process, at once)
                                                +--> hub of every other process, a moment later
    agent --> POST /v1/check-ins: admission --> check_ins.checked --> hub: waits --> answer
    agent --> POST /v1/instruction-reports --> desk.report --> row, log of the ticket

The rows are the truth; a hub only spares agents the wait. An agent that was not there when
something was issued gets it with its next check-in, whichever process that reaches.
"""
