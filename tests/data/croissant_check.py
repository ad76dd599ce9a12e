"""Checks the Croissant metadata of a data set with MLCommons' own library, and reads its records by it.

    pip install mlcroissant pyarrow
    pregonero dataset build --spec spec.toml --output set && pregonero dataset card set --croissant
    python tests/data/croissant_check.py set/croissant.json

mlcroissant 1.1.1 prints no error and no warning for data sets in Parquet and in JSON lines, with and without splits, and gives the
rows that `pregonero dataset show` counts.
"""

import sys

import mlcroissant

dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
for issue in sorted(dataset.metadata.issues.errors | dataset.metadata.issues.warnings):
    print(issue)
for record_set in dataset.metadata.record_sets:
    print(record_set.id, sum(1 for _ in dataset.records(record_set.id)))
