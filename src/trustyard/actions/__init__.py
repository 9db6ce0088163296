"""What a person can do: one module per noun, one function per verb."""
