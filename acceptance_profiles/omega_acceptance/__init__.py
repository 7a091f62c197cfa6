"""What a plan promises, and the judge who compares it with what was measured."""
