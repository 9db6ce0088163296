"""The command line: what it asks the server for, what it prints, and how it ends."""
