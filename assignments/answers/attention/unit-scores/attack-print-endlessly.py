# Prints without end, as soon as the cell runs.
while True:
    print("x" * 10_000)
