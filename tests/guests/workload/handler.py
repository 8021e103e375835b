# SPDX-License-Identifier: Apache-2.0
"""An import-heavy function: most of its time is the loading of modules, as with many a serverless
handler. The answer depends only on the input."""
import argparse
import asyncio
import concurrent.futures
import csv
import datetime
import decimal
import email.message
import fractions
import hashlib
import html.parser
import http.client
import http.server
import io
import json
import logging.handlers
import sqlite3
import statistics
import sys
import tarfile
import unittest
import urllib.request
import xml.etree.ElementTree
import zipfile


def handle(text):
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE words (word TEXT, length INTEGER)")
    words = [f"{text}-{i}" for i in range(200)]
    database.executemany("INSERT INTO words VALUES (?, ?)", ((word, len(word)) for word in words))
    total = database.execute("SELECT SUM(length) FROM words").fetchone()[0]
    table = io.StringIO()
    csv.writer(table).writerows((word, decimal.Decimal(i) / 7) for i, word in enumerate(words))
    document = json.dumps({"total": total, "table": table.getvalue()}, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


if __name__ == "__main__":
    print("ANSWER", handle(sys.argv[1]))
