"""A study: people rate maps, blinded and balanced, and a report says what their answers are worth.

Sets become items, items the turns of each rater, turns a page, answers rows of SQLite, and these a
report.
"""
