"""On site: ask for a session, measure, judge, seal, keep, post."""
