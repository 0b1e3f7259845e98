#!/bin/sh
# Makes Switchyard's vhost, users and permissions on a RabbitMQ, once for a cluster, on one of its
# nodes: RABBITMQ_OPERATOR_PASSWORD=… RABBITMQ_INTAKE_PASSWORD=… infra/rabbitmq/set-up.sh
# Run again, it sets permissions and passwords anew. Passwords go by pipe, never as arguments.
set -eu
rabbitmqctl import_definitions "$(dirname "$0")/definitions.json"
# The import goes on behind that; exchanges come last.
until rabbitmqctl --silent list_exchanges -p switchyard name | grep -q '^switchyard.requests$'; do
  sleep 1
done

set_password() {
  printf '%s' "$2" | rabbitmqctl change_password "$1"
}
set_password operator "$RABBITMQ_OPERATOR_PASSWORD"
set_password intake "$RABBITMQ_INTAKE_PASSWORD"
set_password scheduler "$RABBITMQ_SCHEDULER_PASSWORD"
set_password supervisor "$RABBITMQ_SUPERVISOR_PASSWORD"
set_password notifier "$RABBITMQ_NOTIFIER_PASSWORD"
set_password producer "$RABBITMQ_PRODUCER_PASSWORD"
set_password watcher "$RABBITMQ_WATCHER_PASSWORD"

# Everybody knows its password.
if rabbitmqctl list_users --silent | grep -q '^guest[[:space:]]'; then
  rabbitmqctl delete_user guest
fi
