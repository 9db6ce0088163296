"""PostgreSQL as Django knows it, with fewer round trips, and not waited for once it has fallen silent."""
