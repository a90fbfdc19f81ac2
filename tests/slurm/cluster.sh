#!/usr/bin/env bash
# cluster.sh start|stop FOLDER [NODES]: a real Slurm for tests, of virtual nodes n1, n2, … on this machine, all of it in
# FOLDER and on the loopback address, for an ordinary user. Commands find it by SLURM_CONF=FOLDER/slurm.conf. stop ends
# the processes it started, by their numbers; it may be called at any time, and again.
set -eu
verb=${1:?start or stop} folder=${2:?a folder} nodes=${3:-4}

# The processes of this cluster, as their files tell: a number counts only while it is that program, and no zombie.
processes() {
  local file pid stat
  for file in "$folder"/slurmd.*.pid "$folder"/slurmctld.pid "$folder"/munged.pid; do
    read -r pid 2>/dev/null <"$file" && read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
    case ${stat#* } in "(slurmd) Z"* | "(slurmctld) Z"* | "(munged) Z"*) ;; "(slurmd) "* | "(slurmctld) "* | "(munged) "*) echo "$pid" ;; esac
  done
}

stop() {
  local pid
  for pid in $(processes); do kill "$pid" 2>/dev/null || true; done
  for _ in $(seq 15); do
    [ -n "$(processes)" ] || return 0
    sleep 0.2
  done
  for pid in $(processes); do kill -9 "$pid" 2>/dev/null || true; done
}

# A port that nobody listens to, and the `nodes` after it.
free_ports() {
  local first port
  for first in $(seq $((20000 + $$ % 997 * 20)) 41 45000); do
    for port in $(seq "$first" $((first + nodes))); do
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    done
    echo "$first" && return
  done
}

start() {
  local user first node
  mkdir -p "$folder"/state "$folder"/spool "$folder"/log
  chmod 755 "$folder"
  user=$(id -un) first=$(free_ports)
  mungekey -c -k "$folder/munge.key"
  munged --key-file="$folder/munge.key" --socket="$folder/munge.sock" --pid-file="$folder/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/munged.seed" --num-threads=2
  # cred_expire: a task that is queued again waits as long; less than 5 is taken for 120.
  cat >"$folder/slurm.conf" <<CONF
ClusterName=finegrain
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.sock,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=$first
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld.log
StateSaveLocation=$folder/state
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmdLogFile=$folder/log/slurmd.%n.log
SlurmdSpoolDir=$folder/spool/%n
SlurmdTimeout=60
KillWait=60
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
MailProg=/bin/true
NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((first + 1))-$((first + nodes))] CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=tests Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF="$folder/slurm.conf"
  slurmctld
  for node in $(seq "$nodes"); do
    mkdir -p "$folder/spool/n$node"
    slurmd -N "n$node"
  done
  for _ in $(seq 600); do
    [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = "$nodes" ] && return 0
    sleep 0.1
  done
  echo "the nodes do not come up; see $folder/log" >&2
  tail -n 5 "$folder"/log/*.log >&2
  return 1
}

case $verb in
  start) start ;;
  stop) stop ;;
  *) echo "usage: $0 start|stop FOLDER [NODES]" >&2; exit 2 ;;
esac
