"""What a measure touches: the partners, goods and entities of a question, compared with the tokens of a state."""
