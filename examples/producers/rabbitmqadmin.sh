#!/bin/sh
# Submits a job with rabbitmqadmin, which comes with RabbitMQ's management plugin:
#   sh rabbitmqadmin.sh 127.0.0.1 15672 / guest guest echo '{"input":{"n":1}}' order-4711
# "routed" says that the message is in Switchyard's queue; who must know that it was accepted names
# a queue of its own as reply_to, as is done here, and reads the answer from it.
set -eu
host=$1 port=$2 vhost=$3 user=$4 password=$5 endpoint=$6 body=$7 id=$8

admin() {
  rabbitmqadmin --host "$host" --port "$port" --vhost "$vhost" \
    --username "$user" --password "$password" "$@"
}

answers="answers-$id"
admin declare queue name="$answers" durable=false auto_delete=false 'arguments={"x-expires":60000}'
admin publish exchange=switchyard.submit routing_key="$endpoint" payload="$body" \
  properties="{\"message_id\":\"$id\",\"delivery_mode\":2,\"reply_to\":\"$answers\"}"

tries=0
while [ "$tries" -lt 30 ]; do
  answer=$(admin --format=raw_json get queue="$answers" ackmode=ack_requeue_false)
  if [ "$answer" != '[]' ]; then
    printf '%s\n' "$answer"
    exit 0
  fi
  tries=$((tries + 1))
  sleep 1
done
echo 'no answer came' >&2
exit 1
