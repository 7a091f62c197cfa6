"""All lines together: what the NOC sees at a glance, kept ready because it is asked for all day.

    records --> keeper, behind a cursor --> tally --> a row a line, a row a line's metric, counts
                                                            |
                                              desk: states, spreads, what got worse

Theory of operation. Nothing here is a fact of its own: it follows from the records, and can be
thrown away and made again. The keeper reads records after those it has tallied, some hundreds at a
time, and writes what they change together with the place it has come to, so that each record counts
once whatever is killed. Posting a record never waits for it. A line counts once in a week, with its
last measurement of that week: a line that is measured a hundred times is still one line.
"""
