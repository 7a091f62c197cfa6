"""Charts as SVG, drawn by the server: pure functions from figures to text.

Every chart stands beside a table with the same figures, so it is a picture for those who see it and
named as one for those who don't. Colours and dashes come from the page's style sheet by class; the
Content-Security-Policy allows no style in the drawing itself.
"""
