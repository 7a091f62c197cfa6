"""Tests that customers make in a browser: leave given, the test point's words kept, a plain answer.

    page --- begin ---> grant for one browser        page --- observations ---> kept, judged, told

What the page computed is shown and kept as what the page said. What counts as seen is what the test
point has sealed: octets and seconds of each run. Both are compared, and a page that says much more
than was seen is not believed.
"""
