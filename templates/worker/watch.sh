# shellcheck shell=bash
# Runs beside the worker, as root (qfleet-watch.service). A worker is told by nobody but this that its instance is to go:
# in Terminating:Wait, and after a spot notice, EC2 leaves it running. It gets SIGTERM, has its time to finish, and then
# the group hears that it may go on. And an instance whose worker can't work is given up here.
# Needs systemd, and what aws.sh needs.
set -uo pipefail

# Seconds between two looks. AWS recommends five for spot notices.
beat=5
# A worker that runs for so many seconds on end is well, and an instance whose worker was never well for so many is given
# up. A service that workers need may be away for half an hour, and no instance goes for that.
steady=120
patience=2700
# What a worker still has in hand when it gets a second SIGTERM, so many seconds before its end, it should give back.
last=10
drain=$QFLEET_DRAIN_SECONDS

# shellcheck source=aws.sh
. "${0%/*}/aws.sh"

worker=qfleet-worker.service
instance='' group='' said=''
# Set once it is known: that the group terminates the instance, EC2's notice, and when that takes the instance.
terminating='' notice='' taken=''
# The worker's run, since when it is the same one, and when the worker was last known to be well.
run='' since=0 well=$SECONDS

# What becomes of the instance, as far as it is known now.
look() {
  renew || return
  [ "$(get autoscaling/target-lifecycle-state)" != Terminated ] || terminating=yes
  if [ -z "$notice" ] && notice=$(get spot/instance-action); then
    # It always comes two minutes ahead, should its time be unreadable.
    taken=$(date -d "$(field time "$notice" || echo unknown)" +%s 2>/dev/null) || taken=$(($(date +%s) + 120))
  fi
}

# One call of Auto Scaling's API, and what it answers.
call() {
  signed autoscaling '' -d "Action=$1" -d Version=2011-01-01 "${@:2}" 2>&1
}

# A call about the hook that the instance waits in. Says why it failed, once.
hook() {
  local action=$1 answer
  shift
  [ -n "$instance" ] || instance=$(get instance-id) || return
  if [ -z "$group" ]; then
    answer=$(call DescribeAutoScalingInstances -d "InstanceIds.member.1=$instance")
    [[ $answer =~ \<AutoScalingGroupName\>([^<]+)\< ]] && group=${BASH_REMATCH[1]}
  fi
  if [ -n "$group" ]; then
    answer=$(call "$action" --data-urlencode "AutoScalingGroupName=$group" -d "InstanceId=$instance" \
      -d "LifecycleHookName=$QFLEET_LIFECYCLE_HOOK" "$@") && return
  fi
  [[ $answer =~ \<Message\>([^<]*)\< ]] && answer=${BASH_REMATCH[1]}
  answer="qfleet: $action doesn't succeed: $(printf '%s' "$answer" | tr -s '[:space:]' ' ' | tail -c 400)"
  [ "$answer" = "$said" ] || echo "$answer"
  said=$answer
  return 1
}

# The group tells the load balancer of an instance that it terminates. Of a spot notice nobody does.
leave_load_balancer() {
  local answer try
  [ -n "$instance" ] || instance=$(get instance-id) || return
  for try in 1 2 3; do
    answer=$(signed elasticloadbalancing '' -d Action=DeregisterTargets -d Version=2015-12-01 \
      --data-urlencode "TargetGroupArn=$QFLEET_TARGET_GROUP" -d "Targets.member.1.Id=$instance" 2>&1) && return
    sleep "$try"
  done
  echo "qfleet: the load balancer can't be told: $(printf '%s' "$answer" | tr -s '[:space:]' ' ' | tail -c 400)"
}

# Ends the worker: by SIGTERM now, by another one just before its time is up, and by systemd's SIGKILL.
end_worker() {
  local began=$SECONDS warned='' left
  # The hook's own time is the worker's. It began a moment before the worker's did, so it is begun anew in between.
  local beat_at=$((SECONDS + drain / 3))
  # From here on no worker is started; see qfleet-worker.service.
  touch /run/qfleet/goes-away
  systemctl stop --no-block $worker
  until [[ $(systemctl show -p ActiveState --value $worker) =~ ^(inactive|failed)$ ]]; do
    look
    left=$((drain - SECONDS + began))
    if [ -n "$taken" ] && [ $((taken - $(date +%s))) -lt $left ]; then left=$((taken - $(date +%s))); fi
    if [ -z "$warned" ] && [ $left -le $last ]; then
      warned=yes
      echo "qfleet: the worker's time is almost up: it gets a second SIGTERM"
      systemctl kill --kill-who=main --signal=TERM $worker
    fi
    if [ -n "$terminating" ] && [ "$SECONDS" -ge "$beat_at" ]; then
      beat_at=$((SECONDS + 5))
      hook RecordLifecycleActionHeartbeat && beat_at=$((SECONDS + drain / 3))
    fi
    sleep 1
  done
  echo "qfleet: the worker has ended"
}

# Whether the worker was never well for too long.
hopeless() {
  local now
  now=$(systemctl show -p ActiveState -p InvocationID $worker)
  [ "$now" = "$run" ] || since=$SECONDS
  run=$now
  case $now in
    *ActiveState=active*) [ $((SECONDS - since)) -lt $steady ] || well=$SECONDS ;;
    # Not started yet, or stopped by somebody who looks into it.
    *ActiveState=inactive*) well=$SECONDS ;;
  esac
  [ $((SECONDS - well)) -ge $patience ]
}

look
while [ -z "$terminating$notice" ]; do
  if hopeless; then
    echo "qfleet: the worker hasn't kept running for $steady s on end in $patience s: this instance is given up"
    # For the log agent.
    sleep 15
    # Auto Scaling sees a machine that is off and replaces it: no permission, no call that may fail. (The launch
    # template's InstanceInitiatedShutdownBehavior is terminate: nothing stays behind.)
    systemctl poweroff
    exit
  fi
  sleep $beat
  look
done

why="EC2 takes this spot instance back"
[ -z "$terminating" ] || why="the group terminates this instance"
# Behind a load balancer: it may send requests here until it has let go of the instance, and for those that it has sent.
deregistration=${QFLEET_DEREGISTRATION_SECONDS:-0}
if [ "$deregistration" -gt 0 ]; then
  [ -n "$terminating" ] || leave_load_balancer
  echo "qfleet: $why: the load balancer has $deregistration s to let go of it"
  sleep "$deregistration"
  look
fi
echo "qfleet: $why: the worker gets SIGTERM, and $drain s to finish"
end_worker
# After a spot notice the group may take its time until it waits, or never wait.
until [ -n "$terminating" ] && hook CompleteLifecycleAction -d LifecycleActionResult=CONTINUE; do
  sleep 2
  look
done
echo "qfleet: the group was told that the work is done"
