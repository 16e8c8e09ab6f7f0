"""Export of a trained embedding to phones and to a server, and proof that what ships is what was measured."""
