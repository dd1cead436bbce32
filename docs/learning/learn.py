#!/usr/bin/python3
"""Learns from filesnoop's feature rows who encrypts files, and says how well.

    docs/learning/learn.py docs/learning/rows.csv

It needs Debian's python3-sklearn. The workloads A and B are learned from; X and Y are
held out: other attackers and other harmless programs, which neither classifier has seen.
"""
import csv
import sys

from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def read(path):
    """Returns the names of workloads, the labels and the rows of numbers."""
    with open(path, newline="") as f:
        rows = list(csv.reader(f))[1:]
    return [r[0] for r in rows], [int(r[1]) for r in rows], [[float(x) for x in r[2:]] for r in rows]


def part(data, begins):
    """Returns the rows whose workload begins with one of these letters."""
    chosen = [row for row in zip(*data) if row[0][0] in begins]
    return [list(column) for column in zip(*chosen)]


def show(title, truth, found):
    """Prints a confusion matrix."""
    (tn, fp), (fn, tp) = confusion_matrix(truth, found, labels=[0, 1])
    print(f"{title}\n                  said harmless  said attack\n"
          f"    harmless      {tn:13} {fp:12}\n    attack        {fn:13} {tp:12}")


def alarms(names, found):
    """Says which workloads have a row that is said to be an attack."""
    return sorted({name for name, attack in zip(names, found) if attack}, key=lambda n: (n[0], int(n[1:])))


def main():
    data = read(sys.argv[1])
    names, truth, rows = part(data, "AB")
    held, held_truth, held_rows = part(data, "XY")
    print(f"{len(rows)} rows of {len(set(names))} workloads to learn from, {len(held_rows)} of {len(set(held))} held out\n")
    for title, classifier in (
        ("k-NN, k = 5", KNeighborsClassifier(n_neighbors=5)),
        ("SVM, RBF", SVC(class_weight="balanced", C=10)),
    ):
        model = make_pipeline(StandardScaler(), classifier)
        found = cross_val_predict(model, rows, truth, groups=names, cv=GroupKFold(5))
        show(f"{title}: rows of workloads that were left out in turn", truth, found)
        model.fit(rows, truth)
        found = model.predict(held_rows)
        show(f"{title}: rows of the workloads that were held out", held_truth, found)
        print("    with a row that is said to be an attack:", " ".join(alarms(held, found)) or "none", "\n")


main()
