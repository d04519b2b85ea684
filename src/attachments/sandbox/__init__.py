"""Child processes in which files are read that could hang, crash or eat memory."""
