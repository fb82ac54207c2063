# The running part of deploy/quickstart; sourced by it after lib.sh and its options.
#
# shellcheck shell=bash disable=SC2154
#
# Owns run/ and everything that it starts: $exchange, $system and $client are their pids (0: not running).

run=$root/run
instance=orderflow-quickstart
config=$run/orderflow.toml
summary=$run/summary.json
ofctl=$build/supervisor/ofctl/ofctl
exchange=0
system=0
client=0
state_dir=''   # outside run/ only where a socket's path would be too long
failed=no
asked_to_stop=no
explained=no   # whether the user was told already what went wrong

alive() { [ "$1" -ne 0 ] && kill -0 "$1" 2>/dev/null; }

# until_true SECONDS COMMAND...: whether it came true in time.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# start LOG COMMAND...: in a session of its own, and ended when this script is; its pid is $!.
start() {
    local log=$1
    shift
    setsid setpriv --pdeathsig TERM "$@" >"$run/$log" 2>&1 </dev/null 9>&- &
}

# give_up REASON LOG: with the end of what the failed program said.
give_up() {
    say "$1"
    tail -n 15 "$run/$2" >&2 2>/dev/null || true
    say "all of its output: $run/$2"
    explained=yes
    exit 1
}

# ---- before

segments() { compgen -G "/dev/shm/$instance.*" || true; }

# The processes that have a segment of the instance mapped.
users_of_segments() {
    local maps
    for maps in $(grep -lsF "/dev/shm/$instance." /proc/[0-9]*/maps 2>/dev/null || true); do
        maps=${maps#/proc/}
        echo "${maps%/maps}"
    done
}

prepare_run() {
    local users
    [ -r /proc/self/stat ] || die "/proc is not mounted (mount -t proc proc /proc)"
    [ -w /dev/shm ] || die "/dev/shm is missing or not writable, and the rings live there (mount -t tmpfs tmpfs /dev/shm)"
    mkdir -p "$run"
    exec 9>"$run/quickstart.lock"
    flock -n 9 || die "a quickstart runs in this checkout already; stop it with Ctrl-C"
    users=$(users_of_segments | tr '\n' ' ')
    [ -z "$users" ] || die "the instance $instance runs already (pids ${users% }); stop it first: $ofctl --instance $instance stop"
    # Segments of a run that was killed: nobody uses them, and the market that they speak of is over.
    segments | xargs -r rm -f --
    rm -f -- "$run"/*.out "$summary"
    # A synthetic market begins at the same ids each time: with old data they would all be duplicates.
    [ "$live" = yes ] || rm -rf -- "$run"/{exchange,state,data,log}
}

json_field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

start_exchange() {
    local file=$run/exchange/exchange.json
    [ "$live" = no ] || return 0
    mkdir -p "$run/exchange"
    say "starting the stand-in exchange (synthetic market, seed $seed)"
    start exchange.out "$build/tests/exchange/of-exchange" --synthetic --seed "$seed" --symbols BTCUSDT,ETHUSDT --state-dir "$run/exchange"
    exchange=$!
    until_true 20 exchange_is_up || give_up "the stand-in exchange did not come up" exchange.out
    [ -s "$file" ] || give_up "the stand-in exchange ended" exchange.out
}
exchange_is_up() { [ -s "$run/exchange/exchange.json" ] || ! alive "$exchange"; }

# ---- configuration

free_port() {
    python3 - "$@" <<'PYTHON'
import socket, sys
first, last = int(sys.argv[1]), int(sys.argv[2])
for port in range(first, last + 1):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(port)
        break
PYTHON
}

choose_port() {
    local wanted=$port
    port=$(free_port "${wanted:-8080}" "${wanted:-8179}")
    [ -n "$port" ] || die "$([ -n "$wanted" ] && echo "port $wanted is busy or not allowed; give another" || echo "no port from 8080 to 8179 is free; give one with") --port"
}

# A text as TOML writes it.
toml_text() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

feed_settings() {
    echo 'symbols = ["BTCUSDT", "ETHUSDT"]'
    if [ "$live" = yes ]; then
        echo 'stream_url = "wss://data-stream.binance.vision"'
        echo 'rest_url = "https://data-api.binance.vision"'
    else
        echo "stream_url = $(toml_text "$(json_field "$run/exchange/exchange.json" stream_url)")"
        echo "rest_url = $(toml_text "$(json_field "$run/exchange/exchange.json" rest_url)")"
        echo 'ca_file = "exchange/ca.pem"'
    fi
}

write_config() {
    local folder=''
    [ "$live" = no ] || folder=live/
    choose_port
    state_dir=$run/${folder}state
    # The name of a local socket has at most 107 bytes.
    if [ "${#state_dir}" -gt 90 ]; then state_dir=$(mktemp -d); fi
    mkdir -p "$run/${folder}data" "$run/${folder}log" "$state_dir"
    cat >"$config" <<TOML
# Written by deploy/quickstart; deploy/config/orderflow.toml explains each key.
[instance]
name = "$instance"
state_dir = $(toml_text "$state_dir")
data_dir = "${folder}data"
log_dir = "${folder}log"

[rings]
market_slots = 131072

[trace]
sample = 1

[binance]
$(feed_settings)

[communication]
listen = "127.0.0.1:$port"
TOML
}

# ---- running

# Whether all workers run, as the dashboard's server says; also true when there is nothing left to wait for.
system_is_up() {
    alive "$system" || return 0
    python3 - "$port" 2>/dev/null <<'PYTHON'
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
sys.exit(opener.open(f"http://127.0.0.1:{sys.argv[1]}/api/health", timeout=2).status != 200)
PYTHON
}

start_system() {
    say "starting ofsupervisor and its four workers (instance $instance)"
    start supervisor.out "$build/supervisor/ofsupervisor" run --config "$config"
    system=$!
    until_true 30 system_is_up || give_up "the workers were not all running after 30 s" supervisor.out
    alive "$system" || give_up "ofsupervisor ended" supervisor.out
    start client.out "$build/tests/integration/of-subscriber" --url "ws://127.0.0.1:$port/ws" --quiet
    client=$!
}

announce() {
    say "dashboard: http://127.0.0.1:$port/"
    say "try: ${ofctl#"$PWD"/} --instance $instance status"
    say "running$([ -z "$seconds" ] || echo " for $seconds s"); Ctrl-C stops everything in order"
}

# Until the time is over, Ctrl-C, or the end of something that was to go on.
wait_for_end() {
    local watched=("$system") timer=0 ended=0
    trap 'asked_to_stop=yes' INT TERM HUP
    [ "$exchange" -eq 0 ] || watched+=("$exchange")
    if [ -n "$seconds" ]; then
        setpriv --pdeathsig TERM sleep "$seconds" &
        timer=$!
        watched+=("$timer")
    fi
    [ "$asked_to_stop" = yes ] || wait -n -p ended "${watched[@]}" || true
    [ "$timer" -eq 0 ] || kill "$timer" 2>/dev/null || true
    [ "$asked_to_stop" = no ] || return 0
    [ "${ended:-0}" != "$system" ] || give_up "ofsupervisor ended by itself" supervisor.out
    [ "${ended:-0}" != "$exchange" ] || give_up "the stand-in exchange ended by itself" exchange.out
}

# What became of everything that was published, once it is stored. Not after a Ctrl-C without --json: that user waits.
summarise() {
    local options=(--config "$config")
    [ "$live" = yes ] || options+=(--exchange "$run/exchange/exchange.json")
    if [ "$json" = yes ]; then
        say "waiting until all that was published is stored"
        "$build/tests/integration/of-summary" "${options[@]}" --json >"$summary" 2>"$run/summary.out" </dev/null || failed=yes
    elif [ "$asked_to_stop" = no ]; then
        "$build/tests/integration/of-summary" "${options[@]}" >&2 2>"$run/summary.out" </dev/null || failed=yes
    fi
    [ "$failed" = no ] || give_up "the summary says that something is missing" summary.out
}

# ---- after

# Ends whatever is left of the session that pid $1 began.
end_session() {
    local stat rest pid session
    for stat in /proc/[0-9]*/stat; do
        rest=$(cat "$stat" 2>/dev/null) || continue
        pid=${rest%% *}
        read -r _ _ _ session _ <<<"${rest##*) }"
        [ "$session" != "$1" ] || kill -KILL "$pid" 2>/dev/null || true
    done
}

gone() { ! alive "$1"; }

# stop NAME PID SECONDS: SIGTERM, and when that does not do, SIGKILL for it and its workers.
stop() {
    [ "$2" -ne 0 ] || return 0
    kill -TERM "$2" 2>/dev/null || true
    if ! until_true "$3" gone "$2"; then
        say "$1 had not stopped after $3 s and was killed"
        failed=yes
        end_session "$2"
    fi
    # The others end as they please; the supervisor's code says whether its stop was in order.
    local code=0
    wait "$2" 2>/dev/null || code=$?
    if [ "$1" = ofsupervisor ] && [ "$code" -ne 0 ]; then
        [ "$explained" = yes ] || say "ofsupervisor ended with exit code $code; its output: $run/supervisor.out"
        failed=yes
    fi
}

clean_up() {
    local code=$? pid
    trap 'say "stopping in order; one moment"' INT TERM HUP
    set +e
    if [ "$system" -ne 0 ]; then say "stopping in order"; fi
    stop ofsupervisor "$system" 60
    stop of-subscriber "$client" 10
    stop of-exchange "$exchange" 10
    # What was started in the very moment of an interruption has no name yet.
    for pid in $(jobs -p); do stop "process $pid" "$pid" 5; done
    if [ "$system" -ne 0 ] && [ -n "$(segments)" ]; then
        until_true 15 no_users
        say "removing the segments that were left: $(segments | tr '\n' ' ')"
        segments | xargs -r rm -f --
        failed=yes
    fi
    case $state_dir in "$run"/* | '') ;; *) rm -rf -- "$state_dir" ;; esac
    if [ "$system" -ne 0 ] && [ -s "$summary" ]; then cat "$summary"; fi
    [ "$failed" = no ] || [ "$code" -ne 0 ] || code=1
    if [ "$system" -ne 0 ] && [ "$code" -eq 0 ]; then say "stopped; state is kept in run/"; fi
    exit "$code"
}
no_users() { [ -z "$(users_of_segments)" ]; }
