# A real Kafka broker (KRaft, one node) for tests, benchmarks and the quickstart. Source this file:
#
#   kafka_fetch                     the broker's jars from Maven Central, into ${SLUICE_CACHE:-<repository>/.cache}/kafka; at once when they are there
#   kafka_start DIR [KEY=VALUE...]  starts a broker whose data and log lie in DIR, waits until it answers, prints its bootstrap servers;
#                                   in a DIR of an earlier call: the same broker again, same ports, same data
#   kafka_stop DIR                  stops it
#   kafka_topic SERVERS TOPIC [N]   creates a topic with N partitions (1), if there is none; needs kafka_tool of the build
#
# DIR/bootstrap holds the address without, DIR/bootstrap.sasl the one with authentication (PLAIN, user sluice, password sluice-secret).
# KEY=VALUE are broker properties. KAFKA_HEAP (384m) is the size of the heap. Only loopback addresses and free ports are used.

KAFKA_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KAFKA_CACHE=${SLUICE_CACHE:-$KAFKA_LIB/../../.cache}/kafka

_kafka_say() { printf 'kafka: %s\n' "$*" >&2; }

kafka_fetch() {
  local pom=$KAFKA_LIB/kafka/pom.xml stamp=$KAFKA_CACHE/jars/.complete sum
  sum=$(cksum <"$pom")
  [[ -f $stamp && $(<"$stamp") == "$sum" ]] && return 0
  local tool
  for tool in java mvn; do
    command -v "$tool" >/dev/null || {
      _kafka_say "$tool is missing; install it with: apt-get install default-jre-headless maven"
      return 1
    }
  done
  mkdir -p "$KAFKA_CACHE"
  ( # one fetch at a time; whoever waited finds the jars there
    flock 9
    [[ -f $stamp && $(<"$stamp") == "$sum" ]] && exit 0
    _kafka_say "fetching the broker with Maven (about 50 MB)"
    rm -rf "$KAFKA_CACHE/jars"
    set -o pipefail
    export MAVEN_OPTS="${MAVEN_OPTS:-} $(_kafka_trust)"
    if ! mvn -B -f "$pom" -Dmaven.repo.local="$KAFKA_CACHE/repository" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$KAFKA_CACHE/jars" 2>&1 | tee "$KAFKA_CACHE/fetch.log" | _kafka_progress; then
      _kafka_say "the fetch failed; the end of $KAFKA_CACHE/fetch.log:"
      grep -E 'ERROR' "$KAFKA_CACHE/fetch.log" | head -n 10 >&2
      exit 1
    fi
    printf '%s\n' "$sum" >"$stamp"
  ) 9>"$KAFKA_CACHE/lock"
}

# Java has a trust store of its own. Certificates that this machine's administrator added for everybody else are added to a copy of
# it, so that Maven gets through where curl does; nothing outside the cache is changed.
_kafka_trust() {
  local home own=(/usr/local/share/ca-certificates/*.crt) store=$KAFKA_CACHE/trust certificate
  [[ -e ${own[0]} ]] && command -v keytool >/dev/null || return 0
  home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  [[ -e $home/lib/security/cacerts ]] || return 0
  rm -f "$store"
  cp -L "$home/lib/security/cacerts" "$store" && chmod u+w "$store" || return 0
  for certificate in "${own[@]}"; do
    keytool -importcert -noprompt -keystore "$store" -storepass changeit -alias "$(basename "$certificate")" -file "$certificate" \
      >/dev/null 2>&1
  done
  printf -- '-Djavax.net.ssl.trustStore=%s -Djavax.net.ssl.trustStorePassword=changeit' "$store"
}

_kafka_progress() {
  local line files=0
  while IFS= read -r line; do
    [[ $line == *Downloaded* ]] || continue
    files=$((files + 1))
    ((files % 50 == 0)) && _kafka_say "$files files fetched"
  done
  return 0
}

# A port of loopback that nobody listens on, below the range from which the kernel serves clients.
_kafka_free_port() {
  local port try
  for try in {1..100}; do
    port=$((15000 + (RANDOM * 32768 + RANDOM) % 15000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return 0; }
  done
  return 1
}

# Whether the broker at the port answers a Metadata request with at least one live broker.
_kafka_answers() {
  local answer
  answer=$(
    exec 2>/dev/null # until it listens, each try would say so
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf '\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff' >&3
    timeout 2 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n'
  )
  [[ ${#answer} -eq 24 && ${answer:16:8} != 00000000 ]]
}

_kafka_write_properties() {
  local dir=$1 plain sasl controller property
  shift
  plain=$(_kafka_free_port) && sasl=$(_kafka_free_port) && controller=$(_kafka_free_port) || return 1
  printf '127.0.0.1:%s\n' "$plain" >"$dir/bootstrap"
  printf '127.0.0.1:%s\n' "$sasl" >"$dir/bootstrap.sasl"
  cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$plain,SASL_PLAINTEXT://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$plain,SASL_PLAINTEXT://127.0.0.1:$sasl
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_sluice="sluice-secret";
log.dirs=$dir/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
EOF
  for property in "$@"; do printf '%s\n' "$property" >>"$dir/server.properties"; done
}

_kafka_java() { # heap, then what java gets
  local heap=$1
  shift
  java -Xms64m -Xmx"$heap" -XX:+UseSerialGC -Xshare:auto -Djava.net.preferIPv4Stack=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.showDateTime=true -cp "$KAFKA_CACHE/jars/*" "$@"
}

# Starts the broker of DIR; 0: it answers, 1: it does not, 2: a port was taken meanwhile.
_kafka_launch() {
  local dir=$1 port try pid
  port=$(<"$dir/bootstrap") port=${port##*:}
  # A session of its own, so that an interrupt at the terminal reaches only whoever is to call kafka_stop.
  setsid bash -c 'echo $$ >"$1/pid"; shift; exec "$@"' kafka "$dir" \
    java -Xms64m -Xmx"${KAFKA_HEAP:-384m}" -XX:+UseSerialGC -Xshare:auto -Djava.net.preferIPv4Stack=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
    -cp "$KAFKA_CACHE/jars/*" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 </dev/null 9>&- &
  disown
  for try in {1..600}; do
    sleep 0.1
    pid=$(cat "$dir/pid" 2>/dev/null) || continue
    [[ -n $pid ]] || continue
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$dir/pid"
      tail -n 50 "$dir/log" | grep -q 'Address already in use' && return 2
      return 1
    fi
    _kafka_answers "$port" && return 0
  done
  kafka_stop "$dir"
  return 1
}

kafka_start() {
  local dir try status=2
  mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
  shift
  kafka_fetch || return 1
  if [[ -f $dir/pid ]] && _kafka_owns "$dir"; then
    cat "$dir/bootstrap"
    return 0
  fi
  if [[ -f $dir/data/meta.properties ]]; then
    _kafka_launch "$dir" && { cat "$dir/bootstrap"; return 0; }
  else
    for try in {1..5}; do
      rm -rf "$dir/data"
      _kafka_write_properties "$dir" "$@" || return 1
      if ! _kafka_java 128m kafka.tools.StorageTool format -t c2x1aWNlLWthZmthLXRlcw -c "$dir/server.properties" >"$dir/log" 2>&1; then
        status=1
        break
      fi
      _kafka_launch "$dir"
      status=$?
      [[ $status -eq 0 ]] && { cat "$dir/bootstrap"; return 0; }
      [[ $status -eq 2 ]] || break
    done
  fi
  _kafka_say "the broker in $dir does not start; the end of its log:"
  grep -vE "^\s+at " "$dir/log" | tail -n 10 >&2
  return 1
}

# Whether the process of DIR's pid file is the broker of DIR, and not one that got the number later.
_kafka_owns() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) && [[ -n $pid ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$1/server.properties"
}

kafka_stop() {
  local dir pid try
  dir=$(cd "$1" 2>/dev/null && pwd) || return 0
  if _kafka_owns "$dir"; then
    pid=$(<"$dir/pid")
    kill "$pid"
    for try in {1..200}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid"; fi
  fi
  rm -f "$dir/pid"
  return 0
}

kafka_topic() {
  local tool=${KAFKA_TOOL:-}
  [[ -n $tool ]] || tool=$(find "$KAFKA_LIB/../../build" -name kafka_tool -type f -perm -u+x 2>/dev/null | head -n 1)
  [[ -n $tool ]] || { _kafka_say "kafka_tool is not built; build it, or name it in KAFKA_TOOL"; return 1; }
  "$tool" create-topic --servers "$1" --topic "$2" --partitions "${3:-1}"
}

# Also a command, for callers that are no shell: script/lib/kafka.sh start DIR
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case ${1:-} in
    fetch | start | stop | topic) command=kafka_$1; shift; "$command" "$@" ;;
    *) _kafka_say "use: kafka.sh fetch | start DIR [KEY=VALUE...] | stop DIR | topic SERVERS TOPIC [N]"; exit 2 ;;
  esac
fi
