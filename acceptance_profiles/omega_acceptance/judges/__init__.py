"""How each statistic is judged: one module a family of statistics, one table to find the judge.

A judge is a pure function from a `Case` to a `Finding`: it takes what a criterion needs out of the
facts and asks `omega_acceptance.decision`, which states the error probability of its answer. The
table keeps the judges of older rules, by which older records are judged again.
"""
