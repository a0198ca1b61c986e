"""What is collected on a good: the rates of the duties that touch it, less what is cleared or displaced."""
