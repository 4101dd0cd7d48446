# shellcheck shell=bash
# Makes a worker of a fresh Amazon Linux 2023 instance. The same text for every stage: what differs stands in
# /etc/qfleet/bootstrap.env (for this script and the watcher) and /etc/qfleet/worker.env (for the program), written just
# before it, as /opt/qfleet/watch (watch.sh) is.
set -euo pipefail

home=/opt/qfleet
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

# CloudFormation waits for this during a deployment only: an instance that replaces another a month later has nobody to
# signal to, which is told by failing. cfn-signal needs no permission: it proves to be an instance of the stack.
signal() {
  local tool=/opt/aws/bin/cfn-signal
  # Minimal images lack it.
  [ -x $tool ] || dnf install -y -q aws-cfn-bootstrap || true
  timeout 120 $tool --exit-code "$1" --reason "$2" --stack "$QFLEET_STACK_NAME" \
    --resource "$QFLEET_GROUP_LOGICAL_ID" --region "$AWS_REGION"
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
  # A signal to a creation policy carries no text, so whoever deploys finds it here.
  [ -z "$QFLEET_BOOT_REPORT_S3_URI" ] ||
    echo "$reason" | aws s3 cp --only-show-errors - "$QFLEET_BOOT_REPORT_S3_URI/$instance.txt"
  if ! signal 1 "$reason" && [ -n "$started" ]; then
    echo "qfleet: no deployment waits for this instance: its worker is started again, for as long as the watcher allows"
    exit "$code"
  fi
  # Outside of a deployment the group must replace this instance; see the watcher.
  systemctl poweroff
  exit "$code"
}
trap ended EXIT

begin "reading bootstrap.env"
# Read, not sourced: a value is data, whatever it holds.
while IFS='=' read -r name value; do
  if [[ $name =~ ^[A-Z][A-Z0-9_]*$ ]]; then export "$name=$value"; fi
done </etc/qfleet/bootstrap.env
: "$QFLEET_STACK_NAME" "$QFLEET_GROUP_LOGICAL_ID" "$QFLEET_DRAIN_SECONDS" "$AWS_REGION"
# cloud-init sets none, and tools look for one.
export HOME=/root

imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest
token=$(curl -sf --retry 5 -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/api/token")
instance=$(curl -sf --retry 5 -m 5 -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/instance-id")

mkdir -p $program $logs

# First, so that whatever fails later can be read. A worker without its logs still works, so nothing here is fatal.
begin "installing the log agent"
agent=/opt/aws/amazon-cloudwatch-agent
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
  dnf install -y -q amazon-cloudwatch-agent logrotate &&
    $agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:$agent/etc/qfleet.json &&
    systemctl daemon-reload && systemctl restart logrotate.timer
} || echo "qfleet: warning: no log agent, so the log group will lack this instance"

begin "writing the services"
id qfleet >/dev/null 2>&1 || useradd --system --home-dir /var/lib/qfleet --shell /sbin/nologin qfleet

# Began before the program is there, so that an instance may go while it boots.
chmod 755 $home/watch
cat >/etc/systemd/system/qfleet-watch.service <<END
[Unit]
Description=Ends the qfleet worker when its instance is to go, and gives up an instance whose worker can't work

[Service]
EnvironmentFile=/etc/qfleet/bootstrap.env
ExecStart=$home/watch
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

begin "fetching $QFLEET_PROGRAM_S3_URI"
# The role's credentials may take some seconds to appear.
for try in 1 2 3 4 5 6 7 8; do
  aws s3 cp --only-show-errors "$QFLEET_PROGRAM_S3_URI" $home/program.tar.gz && break
  [ "$try" -lt 8 ] || exit 1
  sleep $((try * 2))
done

begin "unpacking the program"
tar -xzf $home/program.tar.gz -C $program --no-same-owner
rm $home/program.tar.gz
# Readable by the worker, writable by root alone.
chmod -R u+rwX,go+rX,go-w $program
evidence=$logs/install.log
[ -x $program/run ] || { echo "the program has no executable run" >$evidence; exit 1; }

if [ -x $program/install ]; then
  begin "install"
  # By systemd, because only it reads worker.env exactly as it will for the worker.
  systemd-run --quiet --wait --pipe --collect -p WorkingDirectory=$program -p EnvironmentFile=/etc/qfleet/worker.env \
    -E HOME=/root $program/install 2>&1 | tee $evidence
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

begin "done"
signal 0 "the worker runs" || echo "qfleet: not signalled"
