"""Sheets that an operator kept before Omega: read, shown first, taken over, and given out again.

    bytes --reading--> grids --shapes--> tables --mapping--> fields --checking--> drafts, findings
                                                                       |
                                               desk: preview says it, apply keeps what is sound

Everything but `desk` is pure: bytes and tables come in as arguments. Nothing is guessed: what can
be read in two ways is a finding for a person, and nothing of its row is kept until it is decided.
"""
