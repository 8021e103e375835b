# SPDX-License-Identifier: Apache-2.0
"""The two ways in which a thaw may end: with the right memory, or as defined."""

# Not to be mistaken for the limits under test: what starting, loading a snapshot and ending may
# take on top of them on a busy computer.
SLACK = 20


def survived(outcome):
    """thaw-bench has compared memory with the snapshot's SHA-256."""
    assert outcome.exit_code == 0, outcome.messages
    assert outcome.figures["pages_missing"] == 0


def ended(outcome, exit_code, words, within=0):
    """It said words, within so many seconds, and nothing wrong is in its memory."""
    assert outcome.exit_code == exit_code, outcome.messages
    assert words in outcome.messages
    assert "in memory is not the snapshot's" not in outcome.messages
    assert outcome.seconds < within + SLACK
