"""The pictures of the page: from answers of the API to SVG, by pure functions.

`lives.py` makes spans of an item's life from answers; `timeline.py` draws an issue, `strip.py`, `steps.py` and
`rectangles.py` draw an item. Geometry is in attributes, in percent of the width, so that a picture fits every window
without a script; colours and patterns are in the style sheet, by class, since the page allows no inline style.
"""
