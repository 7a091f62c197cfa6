"""Lines: which agents stand on one, what they have watched of it, and what that comes to.

placing    where an agent stands, by an operator's word or by what it has measured
watching   the records of a time made one: outages, gaps, holes in the watch's chain
desk       judged by the plan, and put together as the API and the commands show it
views      the shapes of the answers
"""
