#!/usr/bin/env bash
# Bring the checkout's environment up to date: find or install uv, then sync the lock file.
# Safe to run any time: when nothing changed it takes a tenth of a second and prints nothing.
# Arguments go to `uv sync`; the environment is .venv, or UV_PROJECT_ENVIRONMENT.
# `bootstrap.sh requirements` only prints what uv.lock says of the embedded system, as requirements.txt has it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly UV_PINNED=0.13.8   # the version that wrote uv.lock
readonly UV_OLDEST=0.9
readonly POSTGRES_OLDEST=15

fail() { echo "bellwether: $*" >&2; exit 1; }

is_recent() { # is_recent VERSION: not older than UV_OLDEST
    [ "$(printf '%s\n%s\n' "$UV_OLDEST" "$1" | sort -V | head -n 1)" = "$UV_OLDEST" ]
}

usable_uv() { # usable_uv PROGRAM: it runs and is recent
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv }
    is_recent "${version%% *}"
}

state_folder() {
    local folder
    if [ -n "${BELLWETHER_HOME:-}" ]; then folder=$BELLWETHER_HOME
    elif [ "$(id -u)" = 0 ]; then folder=/var/lib/bellwether
    else folder=${XDG_STATE_HOME:-$home/.local/state}/bellwether
    fi
    [ "${folder:0:1}" = / ] || fail "BELLWETHER_HOME is '$folder' and must be an absolute path."
    { [ -d "$folder" ] || { mkdir -p "$(dirname "$folder")" && mkdir -m 700 "$folder"; } &&
        mkdir -p "$folder/tools" && [ -w "$folder" ] && [ -w "$folder/tools" ]; } 2>/dev/null ||
        fail "The state folder $folder cannot be used: set BELLWETHER_HOME to a folder you may write."
    echo "$folder"
}

# An interpreter that can install uv need not be one that runs Bellwether. Debian's python3 has neither venv
# nor pip unless their packages are there; then pip comes, unpacked only, from the package with its wheel.
install_uv() { # install_uv FOLDER
    local python way log=$1.log
    echo "bellwether: installing uv $UV_PINNED into $1 (once) ..." >&2
    : >"$log"
    for python in python3 /usr/bin/python3 python3.13 python3.12 "${interpreters[@]}"; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
        for way in with_venv with_pip with_debian_pip; do
            rm -rf "$1.partial"
            if "$way" "$python" "$1.partial" >>"$log" 2>&1 && usable_uv "$1.partial/bin/uv"; then
                rm -rf "$1" "$1.pip" && mv "$1.partial" "$1" && return
            fi
        done
    done
    fail "uv could not be installed with any python3 here ($log): install uv, see https://docs.astral.sh/uv."
}

with_venv() { "$1" -m venv "$2" && "$2/bin/python" -m pip install --quiet "uv==$UV_PINNED"; }

with_pip() { "$1" -m pip install --quiet --target "$2" "uv==$UV_PINNED"; }

with_debian_pip() {
    local folder=${2%.partial}.pip
    local -a apt=(apt-get -q -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    "${apt[@]}" update || true # a source that does not answer fails it, though others were read
    (cd "$folder" && "${apt[@]}" download python3-pip-whl && dpkg-deb --extract ./*.deb .) &&
        PYTHONPATH=$(echo "$folder"/usr/share/python-wheels/pip-*.whl) with_pip "$1" "$2"
}

# Pythons that no search path shows: pyenv hides every version but the active one behind shims, and others are
# put below /opt or /usr/local. HOME may be another one than the account's own.
hidden_interpreters() {
    local root entry
    local -a entries roots=("${PYENV_ROOT:-$home/.pyenv}" "$(getent passwd "$(id -u)" | cut -d: -f6)/.pyenv" /opt/pyenv)
    IFS=: read -ra entries <<<"$PATH"
    for entry in "${entries[@]}"; do [ "${entry##*/}" = shims ] && roots+=("${entry%/shims}"); done
    for root in "${roots[@]}"; do compgen -G "$root/versions/3.1[23].*/bin/python3" || true; done
    compgen -G "/opt/*/bin/python3.1[23]" || true
    compgen -G "/usr/local/*/bin/python3.1[23]" || true
}

has_postgres_server() {
    local folder version
    for folder in /usr/lib/postgresql/*/bin "$(dirname "$(readlink -f "$(command -v postgres)")")" \
        "$(pg_config --bindir 2>/dev/null)"; do
        [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] || continue
        version=$("$folder/postgres" --version | grep -oE '[0-9]+' | head -n 1)
        [ "${version:-0}" -ge "$POSTGRES_OLDEST" ] && return 0
    done
    return 1
}

find_python() { "$uv" python find --no-python-downloads "$1" 2>/dev/null; }

reasons() { # reasons LOG: uv's first error and the cause at its root, on one line
    { grep -m 1 '^error:' "$1"; grep '^ *cause:' "$1" | tail -n 1; } | sed -E 's/^ *(error|cause): //' | paste -s -d '|' | sed 's/|/; /'
}

home=${HOME:-$(cd ~ && pwd)}
state=$(state_folder)
mapfile -t interpreters < <(hidden_interpreters)

exec 9>"$state/tools/bootstrap.lock"
command -v flock >/dev/null && flock 9
uv=
for candidate in uv "$state/tools/uv/bin/uv" "$home/.local/bin/uv"; do
    if usable_uv "$candidate"; then uv=$candidate; break; fi
done
if [ -z "$uv" ]; then install_uv "$state/tools/uv"; uv=$state/tools/uv/bin/uv; fi

if [ "${1:-}" = requirements ]; then
    runtime=(--extra ingest --extra analytics --extra reports --extra local --extra postgres)
    echo "# What the embedded system runs on; written from uv.lock by \`make requirements\`."
    exec "$uv" export --frozen --quiet --no-default-groups "${runtime[@]}" --no-emit-project \
        --no-header --no-annotate --format requirements.txt
fi

extras=()
if [ -z "${DATABASE_URL:-}" ] && ! has_postgres_server; then extras=(--extra postgres); fi

for interpreter in "${interpreters[@]}"; do PATH=$PATH:${interpreter%/*}; done
python=${UV_PYTHON:-$(find_python 3.12 || find_python 3.13 || true)}
if [ -n "$python" ]; then export UV_PYTHON=$python; fi

# Where a company's own authority signs the connections, only the machine's certificates know it.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}; fi

environment=${UV_PROJECT_ENVIRONMENT:-.venv}
[ -x "$environment/bin/python" ] || echo "bellwether: setting up $environment (once, about a minute) ..." >&2
log=$state/tools/sync.log
if ! "$uv" sync --frozen "${extras[@]}" "$@" >"$log" 2>&1; then
    [ -n "$python" ] ||
        fail "No Python 3.12 or 3.13 was found and uv could not download one: install python3.12 ($(reasons "$log"))."
    fail "The dependencies could not be installed ($(reasons "$log")): see $log."
fi
