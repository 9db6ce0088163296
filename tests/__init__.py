"""The tests: they mirror src/, and beside it stand journeys, live programs and rules of the house."""
