"""The life of a ticket: pure functions over a log that only grows, no store and no clock."""
