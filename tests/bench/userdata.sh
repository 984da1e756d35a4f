#!/usr/bin/env bash
# The user data that people write where there is no firstlight, as well as we would write it ourselves: one
# instance of an Auto Scaling group reads its parameters, pulls an image, runs it, waits until it is healthy and
# completes the lifecycle hook. `make bench` times it beside the agent; it is also what a reader may compare with.
#
# Wants AWS CLI, curl, jq and docker. A launch template would set these by templating, the benchmark sets them in the
# environment; defaults are Auto Scaling's and EC2's own.
set -euo pipefail

: "${GROUP:?the Auto Scaling group}" "${HOOK:?its launch hook}" "${IMAGE:?the image, with tag or digest}"
: "${PORT:?the port the container serves}"
HEALTH_PATH=${HEALTH_PATH:-/}
HEALTHY_THRESHOLD=${HEALTHY_THRESHOLD:-2}  # answers in a row
PROBE_INTERVAL=${PROBE_INTERVAL:-0.1}      # seconds
DEADLINE=${DEADLINE:-900}                  # seconds until the verdict is ABANDON
PARAMETERS=${PARAMETERS-}                  # NAME=/parameter, by spaces: each becomes a variable of the container
PARAMETER_PATH=${PARAMETER_PATH-}          # every parameter under it becomes one: /path/a/b is a_b
SECRET_FILE=${SECRET_FILE-}                # /path/in/container=/parameter: a file on tmpfs, owner only
REGISTRY_USER=${REGISTRY_USER-}            # with REGISTRY_PASSWORD; without, an ECR image gets ECR's token
PULL=${PULL:-always}                       # or missing: take the image that is there
NAME=${NAME:-app}
IMDS=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}

export AWS_PAGER='' AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=5

# One verdict, whatever happens: ABANDON unless the last line is reached.
verdict=ABANDON
trap finish EXIT
finish() {
  [ -n "${instance_id-}" ] || { echo 'launch: no metadata, so nobody to tell' >&2; return; }
  aws autoscaling complete-lifecycle-action --auto-scaling-group-name "$GROUP" --lifecycle-hook-name "$HOOK" \
    --instance-id "$instance_id" --lifecycle-action-result "$verdict"
  echo "launch: $verdict after ${SECONDS} s"
}

metadata() {
  curl -fsS --noproxy '*' --connect-timeout 1 --max-time 5 --retry 5 --retry-connrefused \
    -H "X-aws-ec2-metadata-token: $token" "$IMDS/latest/$1"
}

token=$(curl -fsS --noproxy '*' --connect-timeout 1 --max-time 5 --retry 5 --retry-connrefused \
  -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$IMDS/latest/api/token")
instance_id=$(metadata meta-data/instance-id)
AWS_DEFAULT_REGION=$(metadata meta-data/placement/region)
export AWS_DEFAULT_REGION

# --- parameters, ten to a call. Values go from JSON to variables by NUL, so they may hold any character.
declare -A value
names=()
for pair in $PARAMETERS $SECRET_FILE; do names+=("${pair#*=}"); done

for ((i = 0; i < ${#names[@]}; i += 10)); do
  json=$(aws ssm get-parameters --with-decryption --output json --names "${names[@]:i:10}")
  missing=$(jq -r '.InvalidParameters | join(" ")' <<<"$json") # these come with status 200
  [ -z "$missing" ] || { echo "launch: no such parameters: $missing" >&2; exit 1; }
  while IFS= read -r -d '' name && IFS= read -r -d '' text; do
    value[$name]=$text
  done < <(jq -j '.Parameters[] | .Name, "\u0000", .Value, "\u0000"' <<<"$json")
done

declare -A variable
for pair in $PARAMETERS; do variable[${pair%%=*}]=${value[${pair#*=}]}; done

if [ -n "$PARAMETER_PATH" ]; then
  # The CLI follows the pages itself.
  json=$(aws ssm get-parameters-by-path --recursive --with-decryption --output json --path "$PARAMETER_PATH")
  while IFS= read -r -d '' name && IFS= read -r -d '' text; do
    name=${name#"${PARAMETER_PATH%/}/"}
    variable[${name//[\/.-]/_}]=$text
  done < <(jq -j '.Parameters[] | .Name, "\u0000", .Value, "\u0000"' <<<"$json")
fi

directory=$(mktemp -d /run/userdata.XXXXXX) # tmpfs; mktemp makes it 0700
files=()
if [ -n "$SECRET_FILE" ]; then
  (umask 077 && printf %s "${value[${SECRET_FILE#*=}]}" >"$directory/secret")
  files=(--mount "type=bind,readonly,source=$directory/secret,target=${SECRET_FILE%%=*}")
fi

# --- image. The registry's password stays on tmpfs too.
export DOCKER_CONFIG=$directory
registry=${IMAGE%%/*}
if [ -n "$REGISTRY_USER" ]; then
  printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USER" --password-stdin "$registry" >/dev/null
elif [[ $registry == *.dkr.ecr.*.amazonaws.com ]]; then
  aws ecr get-login-password | docker login --username AWS --password-stdin "$registry" >/dev/null
fi
if [ "$PULL" = always ] || ! docker image inspect "$IMAGE" >/dev/null 2>&1; then
  docker pull --quiet "$IMAGE" >/dev/null
fi

# --- run, and wait until it answers so many times in a row
# `--env NAME` takes the value from docker's own environment: in no argument list, in no file, and with its line breaks,
# which an --env-file cannot carry. In a subshell, so that a variable of the application is none of this script's.
(
  environment=()
  for name in "${!variable[@]}"; do
    environment+=(--env "$name")
    export "$name=${variable[$name]}"
  done
  exec docker run --detach --name "$NAME" "${environment[@]}" "${files[@]}" "$IMAGE" >/dev/null
)
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$NAME")

healthy=0
while ((healthy < HEALTHY_THRESHOLD)); do
  ((SECONDS < DEADLINE)) || { echo "launch: not healthy within $DEADLINE s" >&2; exit 1; }
  if curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://$address:$PORT$HEALTH_PATH" 2>/dev/null; then
    healthy=$((healthy + 1))
  else
    healthy=0
    [ "$(docker inspect --format '{{.State.Running}}' "$NAME")" = true ] ||
      { echo "launch: $NAME exited" >&2; docker logs --tail 20 "$NAME" >&2; exit 1; }
  fi
  ((healthy == HEALTHY_THRESHOLD)) || sleep "$PROBE_INTERVAL"
done

verdict=CONTINUE
