# Progress for people: steps with their time, colours only on a terminal. Sourced by the scripts beside this folder.
if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
  say_bold=$'\e[1m' say_green=$'\e[32m' say_red=$'\e[31m' say_dim=$'\e[2m' say_off=$'\e[0m'
else
  say_bold= say_green= say_red= say_dim= say_off=
fi

say() { printf '%s\n' "$*"; }
heading() { printf '%s%s%s\n' "$say_bold" "$*" "$say_off"; }
die() {
  printf '%serror:%s %s\n' "$say_red" "$say_off" "$*" >&2
  exit 1
}

# step "what it does" COMMAND...: runs it with its output in a log, shows that it is alive, and the log's end when it fails.
step() {
  local what=$1 log status started=$SECONDS
  shift
  log=$(mktemp)
  if [[ -t 1 ]]; then
    "$@" >"$log" 2>&1 &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r%s … %s%3d s  %s%s\e[K' "$what" "$say_dim" $((SECONDS - started)) "$(tail -n 1 "$log" | cut -c1-60 | tr -d '\r')" "$say_off"
      sleep 0.5
    done
    wait "$pid" && status=0 || status=$?
    printf '\r\e[K'
  else
    printf '%s …\n' "$what"
    "$@" >"$log" 2>&1 && status=0 || status=$?
  fi
  if [[ $status -ne 0 ]]; then
    printf '%s✗%s %s (exit %d); the end of its output:\n' "$say_red" "$say_off" "$what" "$status" >&2
    tail -n 40 "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
  printf '%s✓%s %s %s(%d s)%s\n' "$say_green" "$say_off" "$what" "$say_dim" $((SECONDS - started)) "$say_off"
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

as_root_apt() {
  command -v sudo >/dev/null || [[ $EUID -eq 0 ]] || { echo "packages are missing and there is no sudo: $*" >&2; return 1; }
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# wait_until SECONDS "what" COMMAND...: tries again until it succeeds; fails with the name of what was waited for.
wait_until() {
  local limit=$1 what=$2 started=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - started < limit)) || { echo "$what did not happen within $limit s" >&2; return 1; }
    sleep 0.1
  done
}
