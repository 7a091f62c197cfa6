"""A customer's line as a chain of network namespaces, with faults injected for real."""
