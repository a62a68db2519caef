"""The gallery: a page for each scenario, made from the record of its experiment.

making.py    runs the experiments, one scenario after another, and writes all the rest
depends.py   what an experiment depends on, and so when it has to be run again
record.py    docs/gallery/ID.json: what was measured, all that the pages are made from
confirmation.py   docs/gallery/frozen.json: what is frozen, and run once more on another seed
pages.py     docs/gallery/ID.md and the index
"""
