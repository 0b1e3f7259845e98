#!/bin/sh
# Submits a job in NATS's text protocol, through nc (netcat-openbsd), without any client library:
#   sh nats-text.sh 127.0.0.1 4222 echo '{"input":{"n":1}}' order-4711
# First it asks and waits, and prints Switchyard's answer; then it publishes the same submission
# durably under the same message id, which makes no second job, and prints JetStream's word for it.
set -eu
host=$1 port=$2 endpoint=$3 body=$4 id=$5

inbox="_INBOX.example.$$"
header=$(printf 'NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n.' "$id")
header=${header%.}
# Lengths are bytes, whatever the locale counts.
length_of() { printf %s "$1" | wc -c; }
header_bytes=$(length_of "$header")
all_bytes=$((header_bytes + $(length_of "$body")))

# HPUB subject reply-to header-bytes all-bytes, then the headers and the body.
publish() {
  printf 'HPUB %s %s %d %d\r\n%s%s\r\n' "$1" "$2" "$header_bytes" "$all_bytes" "$header" "$body"
}

{
  printf 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
  printf 'SUB %s.* 1\r\n' "$inbox"
  publish "switchyard.rpc.submit.$endpoint" "$inbox.answer"
  publish "switchyard.submit.$endpoint" "$inbox.stored"
  printf 'PING\r\n'
  # Time for the answers; a client of a library would wait for them instead.
  sleep 2
} | nc -q 1 "$host" "$port" | tr -d '\r' | sed -n '/^MSG/{n;p;}'
