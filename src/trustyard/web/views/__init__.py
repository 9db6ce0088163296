"""What the console answers, one module for each noun."""
