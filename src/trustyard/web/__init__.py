"""The console: pages and fragments for people."""
