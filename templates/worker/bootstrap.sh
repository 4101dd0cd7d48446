# shellcheck shell=bash
# Makes a worker of a fresh instance: of Amazon Linux 2023, Ubuntu 24.04, or an image that has cloud-init, systemd, bash,
# tar and what aws.sh needs. The same text for every stage: what differs stands in /etc/qfleet/bootstrap.env (for this
# script and the watcher) and /etc/qfleet/worker.env (for the program), written just before it.
set -euo pipefail

home=/opt/qfleet
# shellcheck source=aws.sh
. $home/aws.sh

program=$home/program
logs=/var/log/qfleet
# The log whose last lines tell why a step failed.
evidence=/var/log/cloud-init-output.log
step=
started=

begin() {
  step=$1
  echo "qfleet: $step"
}

# signal SUCCESS|FAILURE. CloudFormation waits for this during a deployment only: an instance that replaces another a month
# later has nobody to signal to, which is told by failing. A signal that gets lost fails the deployment.
signal() {
  local try answer
  for try in 1 2 3 4 5 6 7 8; do
    answer=$(signed cloudformation '' -d Action=SignalResource -d Version=2010-05-15 -d "Status=$1" -d "UniqueId=$instance" \
      -d "LogicalResourceId=$QFLEET_GROUP_LOGICAL_ID" --data-urlencode "StackName=$QFLEET_STACK_ID" 2>&1) && return 0
    [[ $answer != *ValidationError* ]] || break
    sleep $((try * 2))
  done
  echo "qfleet: CloudFormation doesn't take the signal: $(printf '%s' "$answer" | tr -s '[:space:]' ' ' | tail -c 400)"
  return 1
}

# Runs however the script ends, unset variables included.
ended() {
  local code=$? reason
  trap - EXIT
  [ "$code" -ne 0 ] || exit 0
  set +eu
  # Without the frames of a stack trace, between which the cause is easily cut off; printable characters, one line, from
  # the end: what a status reason can carry.
  reason="$step failed: $(tail -n 100 "$evidence" | grep -vE '^[[:space:]]+(at|from) ' | tail -n 25 |
    LC_ALL=C tr -c '[:print:]' ' ' | tr -s ' ' | tail -c 800)"
  echo "qfleet: $reason"
  # The log agent sends every 5 seconds, and the signal makes CloudFormation end this instance.
  sleep 15
  # A signal carries no text, so whoever deploys finds it here.
  signed s3 "$QFLEET_BOOT_REPORTS/$instance.txt" --retry 5 -X PUT -H 'Content-Type: text/plain' --data-binary "$reason"
  if ! signal FAILURE && [ -n "$started" ]; then
    echo "qfleet: no deployment waits for this instance: its worker is started again, for as long as the watcher allows"
    exit "$code"
  fi
  # Outside of a deployment the group must replace this instance; see the watcher.
  systemctl poweroff
  exit "$code"
}
trap ended EXIT

begin "reading bootstrap.env"
settings
: "$QFLEET_STACK_ID" "$QFLEET_GROUP_LOGICAL_ID" "$QFLEET_DRAIN_SECONDS" "$AWS_REGION"
# cloud-init sets none, and tools look for one.
export HOME=/root DEBIAN_FRONTEND=noninteractive

for _ in 1 2 3 4 5; do
  renew && instance=$(get instance-id) && break
  sleep 2
done
: "$instance"

mkdir -p $program $logs

# First, so that whatever fails later can be read. A worker without its logs still works, so nothing here is fatal.
begin "installing the log agent"
# Ubuntu updates itself in its first minutes: whoever installs something meanwhile waits.
[ ! -d /etc/apt ] || echo 'DPkg::Lock::Timeout "300";' >/etc/apt/apt.conf.d/90qfleet
agent=/opt/aws/amazon-cloudwatch-agent
install_agent() {
  [ ! -x $agent/bin/amazon-cloudwatch-agent-ctl ] || return 0
  if command -v dnf >/dev/null; then
    dnf install -y -q amazon-cloudwatch-agent logrotate
    return
  fi
  # No archive of Ubuntu's has it. AWS signs it with a key of this fingerprint
  # (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/verify-CloudWatch-Agent-Package-Signature.html).
  local key=937616F3450B7D806CBD9725D58167303B789C72 folder deb bucket=https://amazoncloudwatch-agent
  folder=$(mktemp -d) && deb=$folder/agent.deb
  from=$bucket-$AWS_REGION.s3.$AWS_REGION.amazonaws.com/ubuntu/$(dpkg --print-architecture)/latest/amazon-cloudwatch-agent.deb
  fetch() { curl -sSf --retry 5 --connect-timeout 5 -m 120 -o "$1" "$2"; }
  fetch "$deb" "$from" && fetch "$deb.sig" "$from.sig" &&
    fetch "$folder/key" $bucket.s3.amazonaws.com/assets/amazon-cloudwatch-agent.gpg &&
    gpg --homedir "$folder" --batch -q --import "$folder/key" &&
    gpg --homedir "$folder" --batch --status-fd 1 --verify "$deb.sig" "$deb" | grep -q "^.GNUPG:. VALIDSIG $key " &&
    apt-get install -y -q "$deb"
}
mkdir -p $agent/etc
cat >$agent/etc/qfleet.json <<END
{
  "agent": {"region": "$AWS_REGION"},
  "logs": {
    "force_flush_interval": 5,
    "logs_collected": {"files": {"collect_list": [
      {"file_path": "/var/log/cloud-init-output.log", "log_group_name": "$QFLEET_LOG_GROUP", "log_stream_name": "{instance_id}/cloud-init"},
      {"file_path": "$logs/worker.log", "log_group_name": "$QFLEET_LOG_GROUP", "log_stream_name": "{instance_id}/worker"}
    ]}}
  }
}
END
# copytruncate: systemd keeps the file open. Hourly, because a talkative worker fills a small disk within a day.
cat >/etc/logrotate.d/qfleet <<END
$logs/*.log {
  size 50M
  rotate 2
  copytruncate
  missingok
}
END
mkdir -p /etc/systemd/system/logrotate.timer.d
printf '[Timer]\nOnCalendar=hourly\n' >/etc/systemd/system/logrotate.timer.d/qfleet.conf
{
  install_agent &&
    $agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:$agent/etc/qfleet.json &&
    systemctl daemon-reload && systemctl restart logrotate.timer
} || echo "qfleet: warning: no log agent, so the log group will lack this instance"

begin "writing the services"
id qfleet >/dev/null 2>&1 || useradd --system --home-dir /var/lib/qfleet --shell /sbin/nologin qfleet

# Began before the program is there, so that an instance may go while it boots.
cat >/etc/systemd/system/qfleet-watch.service <<END
[Unit]
Description=Ends the qfleet worker when its instance is to go, and gives up an instance whose worker can't work

[Service]
EnvironmentFile=/etc/qfleet/bootstrap.env
ExecStart=/bin/bash $home/watch.sh
StandardOutput=append:$logs/worker.log
StandardError=inherit
Restart=on-failure
RestartSec=5
RuntimeDirectory=qfleet
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
END

# mixed: SIGTERM goes to the program alone, which may still need its children to finish; systemd kills all at the end.
# An exit is a failure, whatever its code: a worker is not meant to end. It is started again without a limit here: the
# watcher decides when that has no use.
cat >/etc/systemd/system/qfleet-worker.service <<END
[Unit]
Description=qfleet worker
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
# The watcher's sign that this instance goes away.
ConditionPathExists=!/run/qfleet/goes-away

[Service]
User=qfleet
EnvironmentFile=/etc/qfleet/worker.env
# Written before each start, and gone when it is done. Nothing of the worker's settings is for what runs as root.
EnvironmentFile=-/run/qfleet/secrets.env
ExecStartPre=+/usr/bin/env -i /bin/bash $home/secrets.sh
ExecStartPost=+/bin/rm -f /run/qfleet/secrets.env
WorkingDirectory=$program
StateDirectory=qfleet
ExecStart=$program/run
StandardOutput=append:$logs/worker.log
StandardError=inherit
Restart=always
RestartSec=5
KillMode=mixed
TimeoutStopSec=$QFLEET_DRAIN_SECONDS
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
END

systemctl daemon-reload
systemctl enable --quiet --now qfleet-watch.service

begin "fetching s3://$QFLEET_PROGRAM"
# The role's credentials may take some seconds to appear.
for try in 1 2 3 4 5 6 7 8; do
  signed s3 "$QFLEET_PROGRAM" -m 600 -o $home/program.tar.gz && break
  # What S3 says instead.
  [ ! -e $home/program.tar.gz ] || head -c 400 $home/program.tar.gz
  [ "$try" -lt 8 ] || exit 1
  sleep $((try * 2))
done

# What was deployed is named by its SHA-256, uncompressed. Whatever else lies there by now isn't run.
begin "checking the program"
gzip -dc $home/program.tar.gz >$home/program.tar
found=$(sha256sum <$home/program.tar)
found=${found%% *}
[ "${QFLEET_PROGRAM##*/}" = "$found.tar.gz" ] || { echo "it is not what was deployed: its SHA-256 is $found"; exit 1; }

begin "unpacking the program"
tar -xf $home/program.tar -C $program --no-same-owner
rm $home/program.tar $home/program.tar.gz
# Readable by the worker, writable by root alone.
chmod -R u+rwX,go+rX,go-w $program
evidence=$logs/install.log
[ -x $program/run ] || { echo "the program has no executable run" >$evidence; exit 1; }

if [ -x $program/install ]; then
  lists=
  if command -v apt-get >/dev/null; then
    begin "updating apt's lists"
    # An image has none, or old ones. While Ubuntu updates itself, in its first minutes, they are locked, and the network may
    # come up later than this. apt only warns of lists that it can't fetch, unless it is told otherwise: by the setting behind
    # --error-on=any, an option that apt before 2.1.16 refuses. An install may do without them: no try begins after a minute.
    since=$SECONDS
    for try in 1 2 3 4 5 6 7 8; do
      lists=
      apt-get update -q -o APT::Update::Error-Mode=any && break
      lists=" (apt's lists could not be updated)"
      [ "$try" -lt 8 ] && [ $((SECONDS - since)) -lt 60 ] || break
      sleep $((try * 2))
    done
    [ -z "$lists" ] || echo "qfleet: warning: apt's lists could not be updated; install is run without"
  fi
  begin "install$lists"
  # By systemd, because only it reads worker.env exactly as it will for the worker.
  systemd-run --quiet --wait --pipe --collect -p WorkingDirectory=$program -p EnvironmentFile=/etc/qfleet/worker.env \
    -E HOME=/root -E DEBIAN_FRONTEND=noninteractive $program/install 2>&1 | tee $evidence
fi

begin "starting the worker"
evidence=$logs/worker.log
started=yes
systemctl enable --quiet qfleet-worker.service
systemctl start qfleet-worker.service
# A program that can't work (settings, permissions, a missing library) ends at once.
for _ in {1..15}; do
  sleep 1
  if ! systemctl is-active --quiet qfleet-worker.service ||
    [ "$(systemctl show -p NRestarts --value qfleet-worker.service)" != 0 ]; then
    # Taken away while booting: neither a success nor a failure.
    [ ! -e /run/qfleet/goes-away ] || exit 0
    step+=" (exit status $(systemctl show -p ExecMainStatus --value qfleet-worker.service))"
    exit 1
  fi
done

# Behind a load balancer: no other instance is taken away for this one before the load balancer has seen it answer. First what
# it will ask is asked here, as it does it: of the private address, without going where a redirect leads, for 200 alone.
if [ -n "${QFLEET_HEALTH:-}" ]; then
  health=http://$(get local-ipv4):$QFLEET_HEALTH
  begin "waiting for $health"
  for try in {1..60}; do
    code=$(curl -s -m 5 --noproxy '*' -A ELB-HealthChecker/2.0 -o /dev/null -w '%{http_code}' "$health") || true
    [ "$code" != 200 ] || break
    [ ! -e /run/qfleet/goes-away ] || exit 0
    if [ "$try" -eq 60 ]; then
      case $code in
        000) answer="doesn't answer in time; the program has to listen on this address, not on 127.0.0.1 alone" ;;
        *) answer="answers $code" ;;
      esac
      echo "qfleet: $health $answer, and the load balancer takes 200 alone" >>$evidence
      exit 1
    fi
    sleep 2
  done
  begin "waiting until the load balancer sees it"
  seen=
  for _ in {1..60}; do
    sleep 3
    [ ! -e /run/qfleet/goes-away ] || exit 0
    answer=$(signed elasticloadbalancing '' -d Action=DescribeTargetHealth -d Version=2015-12-01 \
      --data-urlencode "TargetGroupArn=$QFLEET_TARGET_GROUP" -d "Targets.member.1.Id=$instance" 2>&1) || true
    # Right after its launch the group may not have registered it yet.
    [[ $answer =~ \<State\>([a-z._]+)\< ]] || continue
    seen=${BASH_REMATCH[1]}
    [ "$seen" != healthy ] || break
    why=
    if [[ $answer =~ \<Description\>([^<]*)\< ]]; then why=": ${BASH_REMATCH[1]}"; fi
  done
  if [ -z "$seen" ]; then
    echo "qfleet: warning: the load balancer doesn't say what it sees: $(printf '%s' "$answer" | tr -s '[:space:]' ' ' | tail -c 400)"
  elif [ "$seen" != healthy ]; then
    echo "qfleet: $health answers 200 here, but the load balancer sees this instance as $seen$why" >>$evidence
    exit 1
  fi
fi

begin "done"
signal SUCCESS || echo "qfleet: not signalled"
