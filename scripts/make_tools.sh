#!/usr/bin/env bash
# The environment of the tools that our exports are for, so that tests can read exports by them.
#
#   scripts/make_tools.sh .venv/bin/python .tools
#
# It stands upon the project's environment, which must be there and does not change: what is missing
# in it, or has another version here, is installed into the new folder. Linux on x86-64 only.

set -euo pipefail

project=$1 folder=$2
here=$(dirname "${BASH_SOURCE[0]}")

"$project" -m venv --clear "$folder"
python=$folder/bin/python
packages() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
site=$(packages "$python")
packages "$project" >"$site/project.pth"

pip() { "$python" -m pip --disable-pip-version-check "$@" --no-deps; }
pip install --no-compile -r "$here/tools.txt"

# Building detectron2's extension takes minutes, and reading a dataset needs none of it.
source=$(mktemp -d)
trap 'rm -r "$source"' EXIT
pip download --no-build-isolation --require-hashes -r "$here/tools_source.txt" -d "$source"
tar -xzf "$source"/*.tar.gz -C "$site" --strip-components 1 --wildcards '*/detectron2'
