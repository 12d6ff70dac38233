# A minimal MCP client in POSIX sh, for scripts/demo and scripts/smoke (sourced, not run).
#
# In sh because a stranger's machine surely has one, while python3 or node is not certain; and because the
# protocol is one JSON line a message, which read and sed handle. One request at a time, ids count up.
# After call: $reply is the line, $text what the tool said, $failed true or false.

# connect SERVER: starts it (stderr to $client_dir/stderr) and shakes hands.
connect() {
  client_dir=$(mktemp -d "${TMPDIR:-/tmp}/ssh-mcp-client.XXXXXX")
  mkfifo "$client_dir/in" "$client_dir/out"
  "$1" <"$client_dir/in" >"$client_dir/out" 2>"$client_dir/stderr" &
  server=$!
  exec 3>"$client_dir/in" 4<"$client_dir/out"
  # The server answers every call within its budget; if it ever did not, this ends the wait.
  (exec 3>&- 4<&-; sleep 300 & echo $! >"$client_dir/sleep"; wait; kill "$server") 2>/dev/null &
  guard=$!
  next=0
  request initialize '{"protocolVersion":"2025-11-25","capabilities":{},
    "clientInfo":{"name":"ssh-mcp-sessions-scripts","version":"1"}}'
  printf '{"jsonrpc":"2.0","method":"notifications/initialized"}\n' >&3
}

# request METHOD PARAMS: sends one request and reads up to its answer, passing over notifications.
request() {
  next=$((next + 1))
  printf '{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}\n' \
    "$next" "$1" "$(printf %s "$2" | tr '\n' ' ')" >&3
  while IFS= read -r reply <&4; do
    case $reply in *'"id":'"$next"[,}]*) return 0 ;; esac
  done
  echo "The server ended instead of answering $1. It said:" >&2
  cat "$client_dir/stderr" >&2
  return 1
}

# call TOOL ARGUMENTS: calls a tool.
call() {
  request tools/call "{\"name\":\"$1\",\"arguments\":$2}"
  failed=false
  case $reply in *'"isError":true'*) failed=true ;; esac
  case $reply in *'"error":{'*'"code":'*) failed=true ;; esac
  # The first "text" (or an error's "message") up to its closing quote, then the escapes that texts have.
  text=$(printf '%s\n' "$reply" | sed -nE 's/.*"(text|message)":"(([^"\\]|\\.)*)".*/\2/p' |
    sed -e 's/\\"/"/g' -e 's/\\\//\//g' -e 's/\\u00[01]./?/g')
  text=$(printf '%b' "$text")
}

# quote TEXT: the text as a JSON string; line breaks and control characters are not expected.
quote() { printf '"%s"' "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')"; }

# disconnect: closes the server's input, which ends it; returns its exit status.
disconnect() {
  exec 3>&- 4<&-
  status=0
  wait "$server" || status=$?
  kill "$(cat "$client_dir/sleep")" "$guard" 2>/dev/null || :
  wait "$guard" 2>/dev/null || :
  rm -rf "$client_dir"
  return $status
}
