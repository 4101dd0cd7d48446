# shellcheck shell=bash
# Read in by the scripts beside it: what an instance asks its metadata service and AWS's APIs. curl signs, not every image
# has the AWS CLI. It needs bash and curl from 7.87 on: since 7.86 curl signs the headers that it is given, as the session
# token's (https://github.com/curl/curl/commit/29c4aa00a168), since 7.87 it takes S3's hash of the body from its header
# (https://github.com/curl/curl/commit/7f8e6da6dc). Before 8.9 it doesn't encode paths, so they have plain characters only,
# and before 8.5 it takes some queries for others, so there are none. Amazon Linux 2023 and Ubuntu 24.04 have 8.5 or later.
# A caller has AWS_REGION: of its unit, or by `settings`.

token='' renewed=0

# Exports what stands in bootstrap.env. It is read, not sourced: a value is data, whatever it holds.
settings() {
  local name value
  while IFS='=' read -r name value; do
    if [[ $name =~ ^[A-Z][A-Z0-9_]*$ ]]; then export "$name=$value"; fi
  done </etc/qfleet/bootstrap.env
}

imds() {
  local path=$1
  shift
  curl -sf -m 2 --noproxy '*' "$@" "${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest/$path"
}

# The metadata service's token, good for six hours. Once called by the script itself, it's there for its subshells.
renew() {
  [ -z "$token" ] || [ $((SECONDS - renewed)) -ge 10800 ] || return 0
  token=$(imds api/token -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600') && renewed=$SECONDS
}

get() {
  imds "meta-data/$1" -H "X-aws-ec2-metadata-token: $token"
}

# The value of a field of flat JSON.
field() {
  [[ $2 =~ \"$1\"[[:space:]]*:[[:space:]]*\"([^\"]*)\" ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# signed SERVICE PATH [CURL'S OPTIONS...]: one request, signed with the role's credentials. They go in by standard input, so
# that no list of processes shows them. Prints the answer, an error's as well; with -o a file gets it. The path of S3 is
# BUCKET/KEY, most others have none.
signed() {
  local service=$1 host=$1 path=$2 keys url
  shift 2
  renew && keys=$(get "iam/security-credentials/$(get iam/security-credentials/)") || return 1
  url=${AWS_ENDPOINT_URL:+$AWS_ENDPOINT_URL/$path}
  [ "$service" != s3 ] || { host=${path%%/*}.s3 path=${path#*/}; }
  url=${url:-https://$host.$AWS_REGION.$(get services/domain || echo amazonaws.com)/$path}
  # S3 refuses a request that doesn't say its body's hash. TLS keeps the body as it is.
  [ "$service" != s3 ] || set -- -H 'X-Amz-Content-Sha256: UNSIGNED-PAYLOAD' "$@"
  printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
    "$(field AccessKeyId "$keys")" "$(field SecretAccessKey "$keys")" "$(field Token "$keys")" |
    curl -sS --fail-with-body --connect-timeout 5 -m 8 -K - --aws-sigv4 "aws:amz:$AWS_REGION:$service" "$@" "$url"
}
