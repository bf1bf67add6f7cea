# A Mosquitto broker of one's own, on a free port of the loopback interface. To be sourced by bash scripts.
#
#   mosquitto_start DIR     starts a broker that keeps everything in DIR; its port is then in DIR/port, its process id in DIR/pid.
#                           If the broker of DIR runs already, nothing happens. A broker started again in DIR gets its old port
#                           if that is free, and has its sessions and queued messages back.
#   mosquitto_stop DIR      stops it and waits until it has written its state. Not running: nothing happens.

mosquitto_is_running() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = mosquitto ]
}

# Succeeds if something listens on the port.
mosquitto_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

mosquitto_start() {
    local dir=$1 program port attempt waited pid
    program=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto) || {
        echo "mosquitto is not installed (Debian: apt-get install mosquitto)" >&2
        return 1
    }
    mkdir -p "$dir" || return 1
    dir=$(cd "$dir" && pwd) || return 1
    mosquitto_is_running "$dir" && return 0
    port=$(cat "$dir/port" 2>/dev/null || true)
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        if [ -z "$port" ] || mosquitto_answers "$port"; then
            port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
            mosquitto_answers "$port" && { port=; continue; }
        fi
        # Queues without limit and a session store: a bridge that is away for a while must not lose messages.
        cat >"$dir/mosquitto.conf" <<CONF
listener $port 127.0.0.1
allow_anonymous true
user $(id -un)
persistence true
persistence_location $dir/
autosave_interval 60
max_queued_messages 0
max_inflight_messages 100
log_dest file $dir/mosquitto.log
CONF
        "$program" -c "$dir/mosquitto.conf" >"$dir/mosquitto.out" 2>&1 </dev/null &
        pid=$!
        echo "$pid" >"$dir/pid"
        for waited in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            if mosquitto_answers "$port"; then
                echo "$port" >"$dir/port"
                return 0
            fi
            sleep 0.05
        done
        # The port was taken meanwhile, or the broker does not like its settings; another port tells which.
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        port=
    done
    rm -f "$dir/pid"
    echo "mosquitto does not start; its last words:" >&2
    tail -n 5 "$dir/mosquitto.out" "$dir/mosquitto.log" >&2 2>/dev/null || true
    return 1
}

mosquitto_stop() {
    local dir=$1 pid waited
    mosquitto_is_running "$dir" || { rm -f "$dir/pid"; return 0; }
    pid=$(cat "$dir/pid")
    kill "$pid" 2>/dev/null || true
    for waited in $(seq 200); do
        mosquitto_is_running "$dir" || break
        sleep 0.05
    done
    if mosquitto_is_running "$dir"; then kill -9 "$pid" 2>/dev/null || true; fi
    wait "$pid" 2>/dev/null || true
    rm -f "$dir/pid"
    return 0
}
