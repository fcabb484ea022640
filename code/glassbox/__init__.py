"""The Glass-Box Transformer: every part of a transformer, small enough to see through.

The package is a house of six floors. A module imports from its own floor and from those below it,
never from above, so it can be read from the ground up::

    floor 5  exercises  explorer  figures  inspection
    floor 4  gpt  encoder  classifier  encoder_decoder  recurrent
    floor 3  config  block  assembly  transformer  pooling  losses
    floor 2  attention  norms  feedforward
    floor 1  masks  positions
    floor 0  checks  tap

Floor 1 says who may attend to whom and where tokens stand, floor 2 holds the parts of a block,
floor 3 puts them together, floor 4 is what one trains, and floor 5 looks into all of it.
"""
