#!/bin/sh
# Makes Switchyard's vhost, users and permissions on a RabbitMQ, once for a cluster, on one of its
# nodes: RABBITMQ_OPERATOR_PASSWORD=… RABBITMQ_INTAKE_PASSWORD=… infra/rabbitmq/set-up.sh
# Run again, it sets permissions and passwords anew. Passwords leave this script as salted hashes.
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Adds to the script that puts the hash (RabbitMQ's rabbit_password_hashing_sha256) in its place.
hash_of() {
  openssl rand 4 > "$folder/salt"
  { cat "$folder/salt"; printf '%s' "$2"; } | openssl dgst -sha256 -binary > "$folder/digest"
  printf 's|{{%s}}|%s|\n' "$1" "$(cat "$folder/salt" "$folder/digest" | openssl base64 -A)"
}
{
  hash_of operator "$RABBITMQ_OPERATOR_PASSWORD"
  hash_of intake "$RABBITMQ_INTAKE_PASSWORD"
  hash_of scheduler "$RABBITMQ_SCHEDULER_PASSWORD"
  hash_of supervisor "$RABBITMQ_SUPERVISOR_PASSWORD"
  hash_of notifier "$RABBITMQ_NOTIFIER_PASSWORD"
  hash_of producer "$RABBITMQ_PRODUCER_PASSWORD"
  hash_of watcher "$RABBITMQ_WATCHER_PASSWORD"
} > "$folder/script"
sed -f "$folder/script" "$(dirname "$0")/definitions.json" > "$folder/definitions.json"
rabbitmqctl import_definitions "$folder/definitions.json"
# The import goes on behind that; exchanges come last.
until rabbitmqctl --silent list_exchanges -p switchyard name | grep -q '^switchyard.requests$'; do
  sleep 1
done
# Everybody knows its password.
if rabbitmqctl --silent list_users | grep -q '^guest[[:space:]]'; then
  rabbitmqctl delete_user guest
fi
