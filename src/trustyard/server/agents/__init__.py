"""The side that agents talk to, on the event loop: one long request for the next release, and receipts."""
