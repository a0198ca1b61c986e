"""One writer, whoever is asked: of the processes on one database one records, and the others send it what they get."""
