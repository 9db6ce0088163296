"""The cast and the stage: who administers, operates, looks and is a stranger, and one real server per worker."""
