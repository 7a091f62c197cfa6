"""Measure a link: tasks in, events and results out; no plan, ticket, verdict or key in sight."""
