# shellcheck shell=bash
# Runs before each start of the worker, as root (qfleet-worker.service): reads the worker's secrets with the role's own
# permission, and writes them where systemd reads them next and then removes them. /run is memory. One that was changed
# counts from the next start on.
# A value stays in this shell: none is an argument of a command, in a here-document (which may be a file in /tmp), or in a
# message.
set -uo pipefail
umask 077
# Bytes are bytes.
export LC_ALL=C

file=/run/qfleet/secrets.env
home=/opt/qfleet
# shellcheck source=aws.sh
. $home/aws.sh
settings

# DB_PASSWORD=/app/db API_KEY=arn:..., in quotes where there are several.
places=''
while IFS='=' read -r name value; do
  [ "$name" != QFLEET_SECRETS ] || places=${value//\"/}
done </etc/qfleet/worker.env

name='' from='' answer='' text=''

fail() {
  rm -f $file
  echo "qfleet: the worker doesn't start without the secret $name ($from): $1"
  exit 1
}

# ask SERVICE OPERATION BODY: leaves what is answered in $answer.
ask() {
  local try kind
  for try in 1 2 4 8; do
    answer=$(signed "$1" '' -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: $2" -d "$3") && return
    # Some name it with a namespace in front.
    kind=$(field __type "$answer") && kind=${kind##*#}
    case $kind in
      '' | *Throttl* | *Internal* | *ServiceUnavailable*) sleep $try ;;
      *) break ;;
    esac
  done
  answer=$(field message "$answer" || field Message "$answer")
  fail "${kind:-no answer}${answer:+: $answer}"
}

utf8() {
  local code=$1 octal bytes
  if [ "$code" -lt 128 ]; then
    bytes=("$code")
  elif [ "$code" -lt 2048 ]; then
    bytes=($((code >> 6 | 192)) $((code & 63 | 128)))
  elif [ "$code" -lt 65536 ]; then
    bytes=($((code >> 12 | 224)) $((code >> 6 & 63 | 128)) $((code & 63 | 128)))
  else
    bytes=($((code >> 18 | 240)) $((code >> 12 & 63 | 128)) $((code >> 6 & 63 | 128)) $((code & 63 | 128)))
  fi
  printf -v octal '\\%03o' "${bytes[@]}"
  # shellcheck disable=SC2059
  printf -v octal "$octal"
  text+=$octal
}

# The text that stands behind a key of JSON, in $text.
text_of() {
  local key="\"$1\"" rest plain code low
  local four='^\\u([0-9a-fA-F]{4})' pair='^\\u[dD][89abAB][0-9a-fA-F]{2}\\u([dD][c-fC-F][0-9a-fA-F]{2})'
  [[ $answer == *$key* ]] || return 1
  rest=${answer#*"$key"}
  rest=${rest#*\"}
  text=
  while :; do
    plain=${rest%%[\"\\]*}
    text+=$plain
    rest=${rest:${#plain}}
    case $rest in
      \"*) return 0 ;;
      \\n*) text+=$'\n' rest=${rest:2} ;;
      \\t*) text+=$'\t' rest=${rest:2} ;;
      \\r*) text+=$'\r' rest=${rest:2} ;;
      \\b*) text+=$'\b' rest=${rest:2} ;;
      \\f*) text+=$'\f' rest=${rest:2} ;;
      \\[\"/\\]*) text+=${rest:1:1} rest=${rest:2} ;;
      \\u0000*) fail "it has a zero byte, which no environment variable can hold" ;;
      \\u*)
        [[ $rest =~ $four ]] || return 1
        code=$((16#${BASH_REMATCH[1]})) low=
        # Two halves of one character.
        if [[ $rest =~ $pair ]]; then
          low=${BASH_REMATCH[1]} code=$((65536 + (code - 55296) * 1024 + 16#${BASH_REMATCH[1]} - 56320))
        elif [ $((code & 63488)) -eq 55296 ]; then
          return 1
        fi
        utf8 "$code"
        rest=${rest:6}
        [ -z "$low" ] || rest=${rest:6} ;;
      *) return 1 ;;
    esac
  done
}

mkdir -p ${file%/*}
: >$file
# Neither names nor what they stand for have spaces, or anything that means something to a shell.
for pair in $places; do
  name=${pair%%=*} from=${pair#*=}
  case $from in
    /*) ask ssm AmazonSSM.GetParameter "{\"Name\":\"$from\",\"WithDecryption\":true}" && text_of Value ;;
    *) ask secretsmanager secretsmanager.GetSecretValue "{\"SecretId\":\"$from\"}" && text_of SecretString ;;
  esac || fail "it has no text"
  # systemd would leave it out, and say it in its log (env_value_is_valid in its src/basic/env-util.c).
  [[ $text != *[$'\001'-$'\010\013'-$'\037\177']* ]] ||
    fail "it has a control character, such as the carriage return of a Windows file; only tabs and new lines can be given"
  # U+FEFF, U+FFFE, U+FFFF: a file with these can't be read (systemd.exec(5), EnvironmentFile=).
  [[ $text != *$'\357\273\277'* && $text != *$'\357\277'[$'\276\277']* ]] ||
    fail "it has a byte order mark, or what is no character"
  # What has a meaning inside of double quotes (systemd.exec(5), EnvironmentFile=).
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//\$/\\\$}
  text=${text//\`/\\\`}
  printf '%s="%s"\n' "$name" "$text" >>$file
done
