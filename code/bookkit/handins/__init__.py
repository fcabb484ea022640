"""What students hand in, as it arrives: whose it is, which set, and where the answers are.

`collect` is the way in. It finds the files (`files`), reads them leniently (`student_cells`), tells
whose they are (`owners`) and which set they belong to (`forms`), finds the answers (`answers`), and
puts them into a fresh copy of the set (`recover`). Nothing of a hand-in is run here.
"""
