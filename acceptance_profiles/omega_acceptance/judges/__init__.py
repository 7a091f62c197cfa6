"""How each statistic is judged: one module a family of statistics, one table to find the judge.

A judge is a pure function from a `Case` to a `Finding`. But for windows this is the thin form: a
point estimate against the limit once the sample is large enough, and never a verdict from too few
samples. Error rates come with the decision engine, which replaces judges one by one; the table
stays.
"""
