"""Regulators' rules as data: read, evaluated beside the verdict, planned over days, reported.

    data/*.toml --reading--> Rule (rule.py) --fitting--> a rule that can be meant
                               |
                               +-- point.py         bare comparisons of runs, by direction
                               +-- facts.py         cycles of tests, stated and not judged
                               +-- sequence.py      events, and the days between them
                               +-- completeness.py  which rates the contract must name
                               +-- campaign.py      what may run now, and not before when
                                     + by_day.py, by_cycle.py
                                     + state.py       what a device keeps of it
                                     + report.py      both results, side by side
                               +-- beside.py        what a rule that a plan names says of a session

A rule's result stands beside the statistical verdict of `omega_acceptance.evaluate` and is never
merged with it: a rule compares bare values, a verdict states how often it is wrong. A rule whose
words nobody could confirm is a draft: it is kept, shown as "not evaluated", and never evaluated.
Rates are whole bits per second in the layer of the contract; shares are fractions, and every
comparison is one of whole numbers.
"""
