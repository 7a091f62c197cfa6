"""Test points, Controller, Collector, installation sheets and tickets."""
