"""The command that asks people, and reports what they answered."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pandiff.cli.command import Command, positive_number, progress, whole_number
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.evaluation.study.study import Study


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sets", metavar="DIR", nargs="+", type=Path, help="runs of evaluate, or dataset folders"
    )
    parser.add_argument("--out", metavar="STUDY", type=Path, help="folder of the study")
    parser.add_argument("--report", metavar="STUDY", type=Path, help="report on a study so far")
    parser.add_argument(
        "--pairs", metavar="N", type=whole_number, default=60, help="questions which fits better"
    )
    parser.add_argument(
        "--scores", metavar="N", type=whole_number, default=60, help="questions how good a map is"
    )
    parser.add_argument(
        "--questions", metavar="N", type=positive_number, default=40, help="for each rater"
    )
    parser.add_argument("--seed", metavar="S", type=whole_number, default=0)
    parser.add_argument("--host", metavar="H", default="127.0.0.1", help="0.0.0.0 for phones")
    parser.add_argument("--port", metavar="P", type=whole_number, default=8000, help="0: any")
    parser.epilog = (
        "Makes the study if it is new, and serves its page until Ctrl-C. Samples of the sets are "
        "matched by the names of their images; raters see neither names nor order of the sets."
    )


def _study(args: argparse.Namespace) -> None:
    if (args.out is None) == (args.report is None):
        raise InputError("--out STUDY or --report STUDY", "neither or both", "choose one")
    if args.report is not None:
        _report(args.report)
    else:
        _serve(_opened(args), args.host, args.port)


def _opened(args: argparse.Namespace) -> Study:
    """The study of the options, or without --sets the one that is there."""
    from pandiff.evaluation.study.study import Settings, Study, make_study

    if args.sets is None:
        return Study.open(args.out)
    sets = tuple(map(str, args.sets))
    settings = Settings(sets, args.pairs, args.scores, args.questions, args.seed)
    return make_study(args.out, settings, progress("pictures"))


def _serve(study: Study, host: str, port: int) -> None:
    from pandiff.evaluation.study.server import Server

    with Server(study, host, port) as server:
        print(f"{len(study.items)} questions, open {server.address}; Ctrl-C ends", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(f"\n{len(study.ratings.all())} answers so far in {study.path}")
            print(f"report: pandiff study --report {study.path}")


def _report(path: Path) -> None:
    from pandiff.evaluation.study.report import write_report

    for sentence in write_report(path):
        print(sentence)
    print(f"numbers: {path / 'report.json'}")
    print(f"report:  {path / 'report.html'}")


STUDY = Command("people rate maps, blinded; a report of what they say", _arguments, _study)
