"""The side that agents talk to: one long request for the next release, and receipts. No Django, no thread per agent."""
