#!/usr/bin/env bash
# One training over the nodes of a Slurm job: one torchrun a node, one process a GPU.
#
#   sbatch --nodes 4 scripts/launch_slurm.sh --preset coco256-unified --data SHARDS --out RUN
#
# What follows the script's name goes to `pandiff train`. SHARDS and RUN must be seen by all nodes.
# A job that is stopped, or requeued, goes on from its last checkpoint with the same command, on as
# many nodes as there are then. Activate the environment before: sbatch passes it on.

#SBATCH --job-name=pandiff
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail

: "${SLURM_JOB_ID:?start this with sbatch}"
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
port=$((20000 + SLURM_JOB_ID % 20000))

if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then
  export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK # srun does not take it over by itself
fi

exec srun --kill-on-bad-exit=1 torchrun \
  --nnodes "${#nodes[@]}" \
  --nproc_per_node "${PROCESSES:-gpu}" \
  --rdzv_backend c10d \
  --rdzv_id "$SLURM_JOB_ID" \
  --rdzv_endpoint "${nodes[0]}:$port" \
  -m pandiff train "$@"
